internal import SchemaModel

extension MessageCodec {
  /// The message in protobuf's wire format, its fields in the order of their numbers.
  package func pack(_ message: DynamicMessage) throws(DynamicMessageError) -> [UInt8] {
    let bytes = packed(message)
    guard bytes.count <= limits.messageByteCountMax else {
      throw .tooLong(byteCount: bytes.count, limit: limits.messageByteCountMax)
    }
    return bytes
  }

  private func packed(_ message: DynamicMessage) -> [UInt8] {
    var bytes: [UInt8] = []
    for field in message.index.type.fields.sorted(by: { $0.number < $1.number }) {
      let values = message[field]
      if field.isPacked {
        guard !values.isEmpty else { continue }
        var elements: [UInt8] = []
        for value in values { write(value, field, to: &elements) }
        bytes += WireWriter.field(field.number, elements)
        continue
      }
      for value in values where field.isRepeated || field.hasPresence || !value.isZero {
        switch value {
        case .text(let text): bytes += WireWriter.field(field.number, Array(text.utf8))
        case .bytes(let content): bytes += WireWriter.field(field.number, content)
        case .message(let inner): bytes += WireWriter.field(field.number, packed(inner))
        default:
          WireWriter.tag(field.number, field.wireType, to: &bytes)
          write(value, field, to: &bytes)
        }
      }
    }
    return bytes
  }

  /// Writes a number without its tag.
  private func write(_ value: DynamicMessage.Value, _ field: Field, to bytes: inout [UInt8]) {
    let raw: UInt64
    switch value {
    case .bool(let value): raw = value ? 1 : 0
    case .signed(let value) where field.encoding == .zigzag:
      raw = UInt64(bitPattern: value << 1 ^ value >> 63)
    case .signed(let value): raw = UInt64(bitPattern: value)
    case .unsigned(let value): raw = value
    // A negative enum or int32 is written as 64 bits, as protobuf demands.
    case .enumeration(let value): raw = UInt64(bitPattern: Int64(value))
    case .float(let value): raw = UInt64(value.bitPattern)
    case .double(let value): raw = value.bitPattern
    case .text, .bytes, .message: return
    }
    switch field.wireType {
    case .fixed32: WireWriter.fixed32(UInt32(truncatingIfNeeded: raw), to: &bytes)
    case .fixed64: WireWriter.fixed64(raw, to: &bytes)
    case .varint, .bytes: WireWriter.varint(raw, to: &bytes)
    }
  }
}

extension DynamicMessage.Value {
  /// Whether an absent field says the same.
  var isZero: Bool {
    switch self {
    case .bool(let value): !value
    case .signed(let value): value == 0
    case .unsigned(let value): value == 0
    // Minus zero is a value of its own.
    case .float(let value): value.bitPattern == 0
    case .double(let value): value.bitPattern == 0
    case .text(let value): value.isEmpty
    case .bytes(let value): value.isEmpty
    case .enumeration(let value): value == 0
    case .message: false
    }
  }
}

extension Field {
  /// How one value stands on the wire.
  var wireType: WireWriter.WireType {
    switch kind {
    case .float: .fixed32
    case .double: .fixed64
    case .int32, .uint32: encoding == .fixed ? .fixed32 : .varint
    case .int64, .uint64: encoding == .fixed ? .fixed64 : .varint
    case .bool, .enumeration: .varint
    case .string, .bytes, .message, .group: .bytes
    }
  }
}
