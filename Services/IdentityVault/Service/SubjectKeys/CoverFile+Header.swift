internal import KeyManagement
internal import PrivacyCore

extension CoverFile {
  /// What stands in the open at the beginning of the file.
  struct Header {
    let service: String
    let store: [UInt8]
    let epoch: UInt64
    let slotLimit: UInt64
    let nodeCount: Int
    let wrapped: WrappedKey

    /// The file up to the end of the header.
    var head: [UInt8] {
      var fields = FieldWriter()
      fields.append(field: Array(service.utf8))
      fields.append(field: store)
      fields.append(epoch)
      fields.append(slotLimit)
      fields.append(UInt32(nodeCount))
      fields.append(field: Array(wrapped.provider.utf8))
      fields.append(field: Array(wrapped.rootKeyName.utf8))
      fields.append(field: wrapped.ciphertext)
      var head = FieldWriter()
      head.append(UInt32(fields.bytes.count))
      return CoverFile.magic + [UInt8(CoverFile.format >> 8), UInt8(CoverFile.format)]
        + head.bytes + fields.bytes
    }
  }
}

extension CoverFile.Header {
  init(fields: ArraySlice<UInt8>, path: String) throws(CoverFileError) {
    var reader = FieldReader(rest: fields)
    guard let service = reader.text(), let store = reader.field(), let epoch = reader.number(8),
      let slotLimit = reader.number(8), let nodeCount = reader.number(4),
      let provider = reader.text(), let rootKeyName = reader.text(),
      let ciphertext = reader.field(), reader.rest.isEmpty
    else { throw .damaged(path: path, reason: "its header is malformed") }
    guard slotLimit <= KeyTreeCover.slotCount else {
      throw .damaged(path: path, reason: "its header counts more slots than there are")
    }
    self.init(
      service: service, store: store, epoch: epoch, slotLimit: slotLimit,
      nodeCount: Int(nodeCount),
      wrapped: WrappedKey(
        provider: provider, rootKeyName: rootKeyName, ciphertext: ciphertext))
  }
}

/// Numbers and byte strings one after the other, the latter with their length (4) in front.
struct FieldWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append(field: [UInt8]) {
    append(UInt32(field.count))
    bytes += field
  }

  mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
  }
}

/// Reads what a `FieldWriter` wrote; `nil` where it ends too early.
struct FieldReader {
  private(set) var rest: ArraySlice<UInt8>

  static func number(_ bytes: some Collection<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func number(_ byteCount: Int) -> UInt64? {
    guard rest.count >= byteCount else { return nil }
    defer { rest = rest.dropFirst(byteCount) }
    return Self.number(rest.prefix(byteCount))
  }

  mutating func field() -> [UInt8]? {
    guard let byteCount = number(4), byteCount <= rest.count else { return nil }
    defer { rest = rest.dropFirst(Int(byteCount)) }
    return Array(rest.prefix(Int(byteCount)))
  }

  mutating func text() -> String? {
    field().flatMap { String(validating: $0, as: UTF8.self) }
  }
}
