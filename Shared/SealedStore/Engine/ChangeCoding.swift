/// One changed row, in memory that its transaction's encoding owns.
typealias EncodedChange = (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?)

/// The journal's form of the changes of one transaction, one behind the other:
///
///     kind (1: 1 put, 2 removal) | key length (2) | table's number and key
///     | for a put: value length (4) | sealed value
///
/// Numbers are big-endian.
enum ChangeCoding {
  private static let put: UInt8 = 1
  private static let removal: UInt8 = 2
  /// What a put takes beside key and value.
  static let overheadByteCount = 7

  static func append(removalOf fullKey: [UInt8], to bytes: inout [UInt8]) {
    appendHead(removal, fullKey, to: &bytes)
  }

  /// Appends a put; `appendValue` appends the value itself.
  static func append<Failure>(
    putOf fullKey: [UInt8], to bytes: inout [UInt8],
    appendValue: (inout [UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    let start = bytes.count
    appendHead(put, fullKey, to: &bytes)
    let lengthOffset = bytes.count
    bytes.append(contentsOf: [0, 0, 0, 0])
    do throws(Failure) {
      try appendValue(&bytes)
    } catch {
      bytes.removeLast(bytes.count - start)
      throw error
    }
    let byteCount = UInt32(bytes.count - lengthOffset - 4)
    for index in 0..<4 {
      bytes[lengthOffset + index] = UInt8(truncatingIfNeeded: byteCount >> UInt32(24 - 8 * index))
    }
  }

  private static func appendHead(_ kind: UInt8, _ fullKey: [UInt8], to bytes: inout [UInt8]) {
    bytes.append(kind)
    bytes.append(UInt8(truncatingIfNeeded: fullKey.count >> 8))
    bytes.append(UInt8(truncatingIfNeeded: fullKey.count))
    bytes.append(contentsOf: fullKey)
  }

  /// Calls `body` with each change in order.
  static func forEach(
    in bytes: UnsafeRawBufferPointer, _ body: (EncodedChange) throws(StoreError) -> Void
  ) throws(StoreError) {
    var offset = 0
    while offset < bytes.count {
      let change = try unsafe change(at: offset, in: bytes)
      offset = unsafe change.end
      try unsafe body((change.key, change.value))
    }
  }

  /// The change that begins at `offset`, and where it ends.
  static func change(
    at offset: Int, in bytes: UnsafeRawBufferPointer
  ) throws(StoreError) -> (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, end: Int) {
    // Three numbers at fixed places: what a large transaction is read with must not be looked at byte
    // by byte.
    let headByteCount = 3
    guard offset >= 0, bytes.count - offset >= headByteCount else { throw Self.cutOff }
    let kind = unsafe bytes[offset]
    let keyByteCount = unsafe Int(
      UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 1, as: UInt16.self)))
    guard keyByteCount > 2 else { throw .corrupted("a journal entry has no key") }
    let keyStart = offset + headByteCount
    let keyEnd = keyStart + keyByteCount
    guard keyEnd <= bytes.count else { throw Self.cutOff }
    let key = unsafe UnsafeRawBufferPointer(rebasing: bytes[keyStart..<keyEnd])
    switch kind {
    case removal: return unsafe (key, nil, keyEnd)
    case put:
      let valueStart = keyEnd + 4
      guard valueStart <= bytes.count else { throw Self.cutOff }
      let valueByteCount = unsafe Int(
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: keyEnd, as: UInt32.self)))
      guard valueByteCount <= bytes.count - valueStart else { throw Self.cutOff }
      let end = valueStart + valueByteCount
      let value = unsafe UnsafeRawBufferPointer(rebasing: bytes[valueStart..<end])
      return unsafe (key, value, end)
    default: throw .corrupted("a journal entry has a change of unknown kind")
    }
  }

  private static let cutOff = StoreError.corrupted("a journal entry is cut off")
}
