package import Cryptography
package import DynamicMessages

/// What a service holds of one person, as it goes over the wire: lines of JSON, each
/// `{"section":"consent.receipts","record":{…}}` with a line feed behind it.
package struct HeldText: Sendable {
  /// The most bytes of what one service holds of one person.
  package static let byteCountMax = 128 << 20

  /// The lines so far, in UTF-8.
  package private(set) var bytes: [UInt8] = []
  /// How many there are.
  package private(set) var lineCount: UInt64 = 0

  private let limit: Int

  /// No lines; up to `limit` bytes of them.
  package init(limit: Int = byteCountMax) { self.limit = limit }

  /// Adds a record to a section.
  ///
  /// - Throws: `tooLarge`.
  package mutating func add(
    _ section: String, _ record: [JSONValue.Member]
  ) throws(AccessFault) {
    let line = JSONValue.object([
      JSONValue.Member("section", .string(section)),
      JSONValue.Member("record", .object(record)),
    ]).line
    let byteCount = bytes.count + line.utf8.count + 1
    guard byteCount <= limit else { throw .tooLarge(byteCount: byteCount, limit: limit) }
    bytes.append(contentsOf: line.utf8)
    bytes.append(0x0A)
    lineCount += 1
  }

  /// SHA-256 of the lines.
  package func hash() throws(CryptographyError) -> [UInt8] { try Digest.sha256(bytes) }
}
