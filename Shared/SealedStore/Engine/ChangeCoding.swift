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
    var rest = unsafe bytes[...]
    while let kind = unsafe rest.popFirst() {
      let keyByteCount = unsafe Int(try number(of: 2, from: &rest))
      let key = unsafe try take(keyByteCount, from: &rest)
      guard keyByteCount > 2 else { throw .corrupted("a journal entry has no key") }
      switch kind {
      case put:
        let valueByteCount = unsafe Int(try number(of: 4, from: &rest))
        try unsafe body((key, take(valueByteCount, from: &rest)))
      case removal: try unsafe body((key, nil))
      default: throw .corrupted("a journal entry has a change of unknown kind")
      }
    }
  }

  private static func number(
    of byteCount: Int, from rest: inout Slice<UnsafeRawBufferPointer>
  ) throws(StoreError) -> UInt32 {
    unsafe try take(byteCount, from: &rest).reduce(0) { $0 << 8 | UInt32($1) }
  }

  private static func take(
    _ byteCount: Int, from rest: inout Slice<UnsafeRawBufferPointer>
  ) throws(StoreError) -> UnsafeRawBufferPointer {
    guard unsafe rest.count >= byteCount else { throw .corrupted("a journal entry is cut off") }
    defer { unsafe rest = unsafe rest.dropFirst(byteCount) }
    return unsafe UnsafeRawBufferPointer(rebasing: rest.prefix(byteCount))
  }
}
