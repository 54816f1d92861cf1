internal import SchemaModel

extension MessageCodec {
  /// Reads a packed message of the type `name`. Fields that the schema does not know are passed
  /// over; whatever else is wrong is an error with the field's path.
  package func unpack(
    _ bytes: [UInt8], as name: String
  ) throws(DynamicMessageError) -> DynamicMessage {
    guard bytes.count <= limits.messageByteCountMax else {
      throw .tooLong(byteCount: bytes.count, limit: limits.messageByteCountMax)
    }
    var message = DynamicMessage(try index(name, at: .root))
    var reader = WireReader(codec: self)
    try reader.read(bytes[...], into: &message, at: .root)
    return message
  }
}

/// Reads one packed message with those inside it.
private struct WireReader {
  let codec: MessageCodec
  private var valueCount = 0

  init(codec: MessageCodec) { self.codec = codec }

  mutating func read(
    _ bytes: ArraySlice<UInt8>, into message: inout DynamicMessage, at path: FieldPath
  ) throws(DynamicMessageError) {
    var scanner = WireScanner(bytes)
    while let entry = try next(&scanner, at: path) {
      guard let field = message.index.field(entry.number) else { continue }
      try read(entry.payload, field, into: &message, at: path.field(field.name))
    }
  }

  private func next(
    _ scanner: inout WireScanner, at path: FieldPath
  ) throws(DynamicMessageError) -> WireScanner.Entry? {
    do throws(WireFault) {
      return try scanner.next()
    } catch {
      throw path.fault("cannot be read: \(error)")
    }
  }

  private mutating func read(
    _ payload: WireScanner.Payload, _ field: Field, into message: inout DynamicMessage,
    at path: FieldPath
  ) throws(DynamicMessageError) {
    guard field.isRepeated else {
      // A message that comes in parts is the sum of them.
      var merged: DynamicMessage?
      if case .message(let inner)? = message[field].first { merged = inner }
      message.set(field, [try value(payload, field, merging: merged, at: path)])
      return
    }
    if case .bytes(let elements) = payload, field.wireType != .bytes {
      try readPacked(elements, field, into: &message, at: path)
    } else {
      let path = path.element(message[field].count)
      message.append(field, try value(payload, field, merging: nil, at: path))
    }
    try codec.checkCount(message[field].count, field, at: path)
  }

  private mutating func readPacked(
    _ elements: ArraySlice<UInt8>, _ field: Field, into message: inout DynamicMessage,
    at path: FieldPath
  ) throws(DynamicMessageError) {
    var scanner = WireScanner(elements)
    while !scanner.isAtEnd {
      let payload: WireScanner.Payload
      do throws(WireFault) {
        switch field.wireType {
        case .fixed32: payload = .fixed32(try scanner.fixed32())
        case .fixed64: payload = .fixed64(try scanner.fixed64())
        case .varint, .bytes: payload = .varint(try scanner.varint())
        }
      } catch {
        throw path.fault("cannot be read: \(error)")
      }
      let path = path.element(message[field].count)
      message.append(field, try value(payload, field, merging: nil, at: path))
    }
  }

  private mutating func value(
    _ payload: WireScanner.Payload, _ field: Field, merging merged: DynamicMessage?,
    at path: FieldPath
  ) throws(DynamicMessageError) -> DynamicMessage.Value {
    valueCount += 1
    guard valueCount <= codec.limits.valueCountMax else {
      throw path.fault("is one of more than \(codec.limits.valueCountMax) values")
    }
    switch payload {
    case .bytes(let content) where field.wireType == .bytes:
      let value = try value(content, field, merging: merged, at: path)
      try codec.checkLimits(of: value, field, at: path)
      return value
    case .varint(let raw) where field.wireType == .varint: return number(raw, field)
    case .fixed32(let raw) where field.wireType == .fixed32:
      return if case .float = field.kind {
        .float(Float(bitPattern: raw))
      } else {
        number(UInt64(raw), field)
      }
    case .fixed64(let raw) where field.wireType == .fixed64:
      return if case .double = field.kind {
        .double(Double(bitPattern: raw))
      } else {
        number(raw, field)
      }
    default: throw path.fault("has another wire type than a \(field.typeName) has")
    }
  }

  private mutating func value(
    _ content: ArraySlice<UInt8>, _ field: Field, merging merged: DynamicMessage?,
    at path: FieldPath
  ) throws(DynamicMessageError) -> DynamicMessage.Value {
    switch field.kind {
    case .string:
      guard let text = String(validating: content, as: UTF8.self) else {
        throw path.fault("is not UTF-8")
      }
      return .text(text)
    case .bytes: return .bytes(Array(content))
    case .message(let name):
      let path = try path.entered(codec.limits)
      var inner: DynamicMessage
      if let merged {
        inner = merged
      } else {
        inner = DynamicMessage(try codec.index(name, at: path))
      }
      try read(content, into: &inner, at: path)
      return .message(inner)
    default: throw path.fault("is a \(field.typeName), which is not supported")
    }
  }

  /// A whole number, a truth value or an enum: the low bits count, as protobuf demands.
  private func number(_ raw: UInt64, _ field: Field) -> DynamicMessage.Value {
    switch field.kind {
    case .bool: return .bool(raw != 0)
    case .uint32: return .unsigned(UInt64(UInt32(truncatingIfNeeded: raw)))
    case .uint64: return .unsigned(raw)
    case .enumeration: return .enumeration(Int32(truncatingIfNeeded: raw))
    case .int32:
      let bits = UInt32(truncatingIfNeeded: raw)
      guard field.encoding == .zigzag else { return .signed(Int64(Int32(bitPattern: bits))) }
      return .signed(Int64(Int32(bitPattern: bits >> 1) ^ -Int32(bitPattern: bits & 1)))
    default:
      guard field.encoding == .zigzag else { return .signed(Int64(bitPattern: raw)) }
      return .signed(Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1))
    }
  }
}
