/// Walks over the fields of one packed message, whatever its schema. Never traps: bytes that are
/// no message are an error.
package struct WireScanner {
  /// What follows a field's tag.
  package enum Payload: Hashable, Sendable {
    case varint(UInt64)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
    case fixed32(UInt32)
  }

  /// One field as it stands on the wire.
  package struct Entry: Hashable, Sendable {
    package let number: Int32
    package let payload: Payload
    /// Its bytes with the tag, for whoever passes it on.
    package let whole: ArraySlice<UInt8>
  }

  private let bytes: ArraySlice<UInt8>
  private var position: Int

  package init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  package init(_ bytes: [UInt8]) { self.init(bytes[...]) }

  /// Whether everything was read.
  package var isAtEnd: Bool { position == bytes.endIndex }

  /// The next field, or `nil` behind the last one.
  package mutating func next() throws(WireFault) -> Entry? {
    guard !isAtEnd else { return nil }
    let start = position
    let tag = try varint()
    guard let number = Int32(exactly: tag >> 3), number > 0, number < 1 << 29 else {
      throw .fieldNumber
    }
    let payload: Payload =
      switch tag & 7 {
      case 0: .varint(try varint())
      case 1: .fixed64(try fixed64())
      case 2: .bytes(try slice())
      case 5: .fixed32(try fixed32())
      case 3, 4: throw .group
      default: throw .wireType
      }
    return Entry(number: number, payload: payload, whole: bytes[start..<position])
  }

  /// A number of variable length.
  package mutating func varint() throws(WireFault) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < bytes.endIndex else { throw .cutOff }
      let byte = bytes[position]
      position += 1
      if shift == 63, byte > 1 { throw .longVarint }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    throw .longVarint
  }

  /// Four bytes, the lowest first.
  package mutating func fixed32() throws(WireFault) -> UInt32 {
    try take(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// Eight bytes, the lowest first.
  package mutating func fixed64() throws(WireFault) -> UInt64 {
    try take(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func slice() throws(WireFault) -> ArraySlice<UInt8> {
    guard let count = Int(exactly: try varint()) else { throw .cutOff }
    return try take(count)
  }

  private mutating func take(_ count: Int) throws(WireFault) -> ArraySlice<UInt8> {
    guard count <= bytes.endIndex - position else { throw .cutOff }
    defer { position += count }
    return bytes[position..<position + count]
  }
}

/// Why bytes are no packed message.
package enum WireFault: Error, Hashable, Sendable, CustomStringConvertible {
  case cutOff
  case longVarint
  case fieldNumber
  case wireType
  case group
  case nesting

  package var description: String {
    switch self {
    case .cutOff: "it ends within a field"
    case .longVarint: "it has a number of more than 64 bits"
    case .fieldNumber: "it has a field number outside 1 to 536870911"
    case .wireType: "it has a wire type that does not exist"
    case .group: "it has a group, which the schemas never use"
    case .nesting: "its messages stand in each other too deeply"
    }
  }
}
