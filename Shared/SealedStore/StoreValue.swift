/// A value of a table. Sealed before it is written, so that its encoding needs no protection of
/// its own.
public protocol StoreValue: Sendable {
  /// The bytes to seal.
  func encodeValue() -> [UInt8]

  /// Reads what `encodeValue()` gave. Throws for any other bytes.
  init(storedValue bytes: [UInt8]) throws
}

/// The value of a table whose keys say it all, such as an index.
public struct EmptyValue: StoreValue, Hashable {
  /// The value.
  public init() {}

  public func encodeValue() -> [UInt8] { [] }

  public init(storedValue bytes: [UInt8]) throws {
    guard bytes.isEmpty else { throw StoreError.corrupted("an empty value has bytes") }
  }
}

extension [UInt8]: StoreValue {
  public func encodeValue() -> [UInt8] { self }
  public init(storedValue bytes: [UInt8]) throws { self = bytes }
}

extension String: StoreValue {
  public func encodeValue() -> [UInt8] { Array(utf8) }
  public init(storedValue bytes: [UInt8]) throws {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw StoreError.corrupted("a text is not UTF-8")
    }
    self = text
  }
}

extension UInt64: StoreValue {
  public func encodeValue() -> [UInt8] {
    var writer = KeyWriter(byteCapacity: 8)
    writer.append(self)
    return writer.bytes
  }
  public init(storedValue bytes: [UInt8]) throws {
    guard bytes.count == 8 else { throw StoreError.corrupted("a number does not have 8 bytes") }
    self = bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
