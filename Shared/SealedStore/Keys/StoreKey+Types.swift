public import PrivacyCore

// MARK: - Numbers

extension UInt8: StoreKey {
  public func encode(into writer: inout KeyWriter) { writer.append(self) }
  public init(from reader: inout KeyReader) throws(StoreError) { self = try reader.readUInt8() }
}

extension UInt16: StoreKey {
  public func encode(into writer: inout KeyWriter) { writer.append(self) }
  public init(from reader: inout KeyReader) throws(StoreError) { self = try reader.readUInt16() }
}

extension UInt32: StoreKey {
  public func encode(into writer: inout KeyWriter) { writer.append(self) }
  public init(from reader: inout KeyReader) throws(StoreError) { self = try reader.readUInt32() }
}

extension UInt64: StoreKey {
  public func encode(into writer: inout KeyWriter) { writer.append(self) }
  public init(from reader: inout KeyReader) throws(StoreError) { self = try reader.readUInt64() }
}

extension Int64: StoreKey {
  // The sign bit is turned round: negative numbers then sort before positive ones.
  public func encode(into writer: inout KeyWriter) {
    writer.append(UInt64(bitPattern: self) ^ (1 << 63))
  }
  public init(from reader: inout KeyReader) throws(StoreError) {
    self = Int64(bitPattern: try reader.readUInt64() ^ (1 << 63))
  }
}

// MARK: - Text and bytes

extension String: StoreKey {
  public func encode(into writer: inout KeyWriter) { writer.append(text: self) }
  public init(from reader: inout KeyReader) throws(StoreError) {
    guard let text = String(validating: try reader.readEscaped(), as: UTF8.self) else {
      throw .malformedKey
    }
    self = text
  }
}

extension [UInt8]: StoreKey {
  public func encode(into writer: inout KeyWriter) { writer.append(escaping: self) }
  public init(from reader: inout KeyReader) throws(StoreError) { self = try reader.readEscaped() }
}

// MARK: - Identifiers and times

extension PseudonymousID: StoreKey {
  public func encode(into writer: inout KeyWriter) { writer.append(words) }
  public init(from reader: inout KeyReader) throws(StoreError) {
    self.init(
      words: (
        try reader.readUInt64(), try reader.readUInt64(), try reader.readUInt64(),
        try reader.readUInt64()
      ))
  }
}

extension Timestamp: StoreKey {
  public func encode(into writer: inout KeyWriter) { microseconds.encode(into: &writer) }
  public init(from reader: inout KeyReader) throws(StoreError) {
    self.init(microseconds: try Int64(from: &reader))
  }
}

extension LogSequenceNumber: StoreKey {
  public func encode(into writer: inout KeyWriter) { writer.append(value) }
  public init(from reader: inout KeyReader) throws(StoreError) {
    self.init(try reader.readUInt64())
  }
}

extension ULID: StoreKey {
  public func encode(into writer: inout KeyWriter) { description.encode(into: &writer) }
  public init(from reader: inout KeyReader) throws(StoreError) {
    guard let id = ULID(text: try String(from: &reader)) else { throw .malformedKey }
    self = id
  }
}

extension ConsentID: StoreKey {
  public func encode(into writer: inout KeyWriter) { description.encode(into: &writer) }
  public init(from reader: inout KeyReader) throws(StoreError) {
    guard let id = ConsentID(text: try String(from: &reader)) else { throw .malformedKey }
    self = id
  }
}

extension Scope: StoreKey {
  public func encode(into writer: inout KeyWriter) { description.encode(into: &writer) }
  public init(from reader: inout KeyReader) throws(StoreError) {
    guard let scope = Scope(try String(from: &reader)) else { throw .malformedKey }
    self = scope
  }
}

// MARK: - Compound keys

/// Two keys, one behind the other: sorts by the first, then by the second.
public struct KeyPair<First: StoreKey, Second: StoreKey>: StoreKey {
  /// What sorts first.
  public let first: First
  /// What sorts within the same first.
  public let second: Second

  /// The key of both parts.
  public init(_ first: First, _ second: Second) {
    self.first = first
    self.second = second
  }

  public func encode(into writer: inout KeyWriter) {
    first.encode(into: &writer)
    second.encode(into: &writer)
  }

  public init(from reader: inout KeyReader) throws(StoreError) {
    first = try First(from: &reader)
    second = try Second(from: &reader)
  }
}

/// Three keys, one behind the other.
public struct KeyTriple<First: StoreKey, Second: StoreKey, Third: StoreKey>: StoreKey {
  /// What sorts first.
  public let first: First
  /// What sorts within the same first.
  public let second: Second
  /// What sorts last.
  public let third: Third

  /// The key of the three parts.
  public init(_ first: First, _ second: Second, _ third: Third) {
    self.first = first
    self.second = second
    self.third = third
  }

  public func encode(into writer: inout KeyWriter) {
    first.encode(into: &writer)
    second.encode(into: &writer)
    third.encode(into: &writer)
  }

  public init(from reader: inout KeyReader) throws(StoreError) {
    first = try First(from: &reader)
    second = try Second(from: &reader)
    third = try Third(from: &reader)
  }
}

extension KeyPair: Equatable where First: Equatable, Second: Equatable {}
extension KeyPair: Hashable where First: Hashable, Second: Hashable {}
extension KeyTriple: Equatable where First: Equatable, Second: Equatable, Third: Equatable {}
extension KeyTriple: Hashable where First: Hashable, Second: Hashable, Third: Hashable {}
