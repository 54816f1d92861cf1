/// Appends the parts of packed messages to an array.
package enum WireWriter {
  /// The place where a tag says what follows it.
  package enum WireType: UInt64, Sendable {
    case varint = 0
    case fixed64 = 1
    case bytes = 2
    case fixed32 = 5
  }

  package static func tag(_ number: Int32, _ type: WireType, to bytes: inout [UInt8]) {
    varint(UInt64(UInt32(bitPattern: number)) << 3 | type.rawValue, to: &bytes)
  }

  package static func varint(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  package static func fixed32(_ value: UInt32, to bytes: inout [UInt8]) {
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }

  package static func fixed64(_ value: UInt64, to bytes: inout [UInt8]) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }

  /// A text, a byte list, a message or packed elements, with tag and length.
  package static func field(_ number: Int32, _ content: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    tag(number, .bytes, to: &bytes)
    varint(UInt64(content.count), to: &bytes)
    return bytes + content
  }
}
