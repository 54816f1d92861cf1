/// A key of a table: encodes so that comparing the bytes compares the keys.
///
/// Every encoding says itself where it ends, so that keys can be put one behind the other
/// (`KeyPair`, `KeyTriple`) and the encoding of the first parts is a prefix of the whole.
public protocol StoreKey: Sendable {
  /// Appends the key's bytes.
  func encode(into writer: inout KeyWriter)

  /// Reads what `encode(into:)` wrote. Throws `malformedKey` for any other bytes.
  init(from reader: inout KeyReader) throws(StoreError)
}

/// Collects the bytes of one key.
public struct KeyWriter: Sendable {
  /// The bytes so far, behind the table's number where there is one.
  @usableFromInline package private(set) var bytes: [UInt8] = []

  /// An empty key.
  @usableFromInline package init(byteCapacity: Int = 0) { bytes.reserveCapacity(byteCapacity) }

  /// Appends bytes as they are. Only for keys of one fixed length, or as the last part.
  public mutating func append(raw bytes: [UInt8]) { self.bytes.append(contentsOf: bytes) }

  /// Appends a number, most significant byte first.
  public mutating func append(_ number: UInt8) { bytes.append(number) }

  /// Appends a number, most significant byte first.
  public mutating func append(_ number: UInt16) { append(bytesOf: number.bigEndian) }

  /// Appends a number, most significant byte first.
  public mutating func append(_ number: UInt32) { append(bytesOf: number.bigEndian) }

  /// Appends a number, most significant byte first.
  public mutating func append(_ number: UInt64) { append(bytesOf: number.bigEndian) }

  /// Appends four numbers as `append(_:)` does each.
  mutating func append(_ numbers: (UInt64, UInt64, UInt64, UInt64)) {
    append(
      bytesOf: (
        numbers.0.bigEndian, numbers.1.bigEndian, numbers.2.bigEndian, numbers.3.bigEndian
      ))
  }

  /// Appends bytes of any number so that they end recognisably: 0 becomes 0 255, the end is 0 1.
  public mutating func append(escaping content: [UInt8]) {
    for byte in content { append(escaping: byte) }
    appendEnd()
  }

  /// Appends the UTF-8 of a text as `append(escaping:)` does.
  public mutating func append(text: String) {
    for byte in text.utf8 { append(escaping: byte) }
    appendEnd()
  }

  private mutating func append(escaping byte: UInt8) {
    bytes.append(byte)
    if byte == 0 { bytes.append(0xFF) }
  }

  private mutating func appendEnd() {
    bytes.append(0)
    bytes.append(1)
  }

  private mutating func append<Number>(bytesOf number: Number) {
    unsafe withUnsafeBytes(of: number) { unsafe bytes.append(contentsOf: $0) }
  }
}

/// Takes a key's bytes apart again. Lives only as long as the call it is given to.
@safe public struct KeyReader: ~Copyable {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = unsafe bytes }

  /// The number of bytes not yet read.
  public var remainingByteCount: Int { unsafe bytes.count - position }

  /// Reads a number of one byte.
  public mutating func readUInt8() throws(StoreError) -> UInt8 { try readNumber() }

  /// Reads a number of two bytes, most significant first.
  public mutating func readUInt16() throws(StoreError) -> UInt16 {
    UInt16(bigEndian: try readNumber())
  }

  /// Reads a number of four bytes, most significant first.
  public mutating func readUInt32() throws(StoreError) -> UInt32 {
    UInt32(bigEndian: try readNumber())
  }

  /// Reads a number of eight bytes, most significant first.
  public mutating func readUInt64() throws(StoreError) -> UInt64 {
    UInt64(bigEndian: try readNumber())
  }

  private mutating func readNumber<Number: BitwiseCopyable>() throws(StoreError) -> Number {
    let byteCount = MemoryLayout<Number>.size
    guard remainingByteCount >= byteCount else { throw .malformedKey }
    defer { position += byteCount }
    return unsafe bytes.loadUnaligned(fromByteOffset: position, as: Number.self)
  }

  /// Reads so many bytes as they are.
  public mutating func read(rawByteCount byteCount: Int) throws(StoreError) -> [UInt8] {
    guard byteCount >= 0, remainingByteCount >= byteCount else { throw .malformedKey }
    defer { position += byteCount }
    return unsafe [UInt8](bytes[position..<position + byteCount])
  }

  /// Reads what `append(escaping:)` wrote.
  public mutating func readEscaped() throws(StoreError) -> [UInt8] {
    var content: [UInt8] = []
    while remainingByteCount >= 2 {
      let byte = unsafe bytes[position]
      position += 1
      guard byte == 0 else {
        content.append(byte)
        continue
      }
      let mark = unsafe bytes[position]
      position += 1
      if mark == 1 { return content }
      guard mark == 0xFF else { throw .malformedKey }
      content.append(0)
    }
    throw .malformedKey
  }

  /// Reads a whole key and refuses bytes behind it.
  static func decode<Key: StoreKey>(
    _ type: Key.Type, from bytes: UnsafeRawBufferPointer
  ) throws(StoreError) -> Key {
    var reader = unsafe KeyReader(bytes)
    let key = try Key(from: &reader)
    guard reader.remainingByteCount == 0 else { throw .malformedKey }
    return key
  }
}
