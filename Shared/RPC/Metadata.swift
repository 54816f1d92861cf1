/// Names and values that travel with a call.
///
/// Names consist of 1 to 128 lower-case letters, digits, `-` and `.`; a call carries up to 64
/// entries of together up to 16,384 bytes.
public struct Metadata: Sendable, Hashable, ExpressibleByDictionaryLiteral {
  /// One name and its value.
  public struct Entry: Sendable, Hashable {
    /// The name.
    public let name: String
    /// The value, any bytes.
    public let value: [UInt8]
  }

  /// The entries, in the order in which they were added.
  public private(set) var entries: [Entry] = []

  /// No entries.
  public init() {}

  public init(dictionaryLiteral elements: (String, String)...) {
    for (name, value) in elements { add(name, value) }
  }

  /// Adds a text.
  public mutating func add(_ name: String, _ value: String) { add(name, bytes: Array(value.utf8)) }

  /// Adds bytes.
  public mutating func add(_ name: String, bytes: [UInt8]) {
    entries.append(Entry(name: name, value: bytes))
  }

  /// The first value with this name as text; `nil` when there is none or it is not UTF-8.
  public subscript(name: String) -> String? {
    bytes(name).flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// The first value with this name.
  public func bytes(_ name: String) -> [UInt8]? { entries.first { $0.name == name }?.value }

  /// Whether there are no entries.
  public var isEmpty: Bool { entries.isEmpty }

  static let entryCountMax = 64
  static let byteCountMax = 16_384
  private static let nameByteCountMax = 128
  private static let valueByteCountMax = 8_192

  /// What is wrong with it, or `nil` where it may be sent.
  var fault: String? {
    if entries.count > Self.entryCountMax { return "metadata has more than 64 entries" }
    var byteCount = 0
    for entry in entries {
      guard Self.isName(entry.name) else {
        return "the metadata name \"\(entry.name)\" is not 1 to 128 of a-z 0-9 - ."
      }
      guard entry.value.count <= Self.valueByteCountMax else {
        return "the metadata value of \"\(entry.name)\" is longer than 8,192 bytes"
      }
      byteCount += entry.name.utf8.count + entry.value.count
    }
    return byteCount > Self.byteCountMax ? "metadata is longer than 16,384 bytes" : nil
  }

  private static func isName(_ text: String) -> Bool {
    (1...nameByteCountMax).contains(text.utf8.count)
      && text.utf8.allSatisfy { character in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(character)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character)
          || character == UInt8(ascii: "-")
          || character == UInt8(ascii: ".")
      }
  }
}
