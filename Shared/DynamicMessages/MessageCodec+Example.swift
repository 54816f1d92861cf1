internal import SchemaModel

extension MessageCodec {
  /// A request as somebody might write it: every field once, of a oneof its first member. A schema
  /// whose messages hold many others is shown in part.
  package func example(of name: String) throws(DynamicMessageError) -> JSONValue {
    var writer = ExampleWriter(codec: self)
    return try writer.example(index(name, at: .root), inside: [])
  }
}

private struct ExampleWriter {
  /// The most values of one example: messages in messages multiply.
  private static let valueCountMax = 500

  let codec: MessageCodec
  private var valueCount = 0

  init(codec: MessageCodec) { self.codec = codec }

  mutating func example(
    _ index: MessageIndex, inside names: Set<String>
  ) throws(DynamicMessageError) -> JSONValue {
    let names = names.union([index.type.fullName])
    var members: [JSONValue.Member] = []
    var seen: Set<Int> = []
    for field in index.type.fields where valueCount < Self.valueCountMax {
      if let oneof = field.oneof, !seen.insert(oneof).inserted { continue }
      valueCount += 1
      guard let value = try example(field, inside: names) else { continue }
      members.append(JSONValue.Member(field.name, field.isRepeated ? .array([value]) : value))
    }
    return .object(members)
  }

  /// `nil` where the message would hold itself.
  private mutating func example(
    _ field: Field, inside names: Set<String>
  ) throws(DynamicMessageError) -> JSONValue? {
    switch field.kind {
    case .bool: return .bool(true)
    case .int32, .int64, .uint32, .uint64: return .number("1")
    case .float, .double: return .number("0.5")
    case .string: return .string("text")
    // A pid has 32 bytes, written as 43 characters.
    case .bytes where field.maxBytes == 32:
      return .string(String(repeating: "A", count: 43))
    case .bytes: return .string("AAAA")
    case .enumeration(let type):
      let values = codec.catalog.enumeration(type)?.values ?? []
      return (values.first { $0.number != 0 } ?? values.first).map { .string($0.name) }
    case .message(let type):
      guard !names.contains(type) else { return nil }
      return try example(codec.index(type, at: .root), inside: names)
    case .group: return nil
    }
  }
}
