internal import PrivacyCore
internal import SchemaModel

/// How a message is shown as JSON.
package struct JSONStyle: Hashable, Sendable {
  /// Also fields that are zero or empty.
  package var showsAll = false
  /// Also the values of fields that the schema calls secret.
  package var showsSecrets = false

  package init(showsAll: Bool = false, showsSecrets: Bool = false) {
    self.showsAll = showsAll
    self.showsSecrets = showsSecrets
  }
}

extension MessageCodec {
  /// What stands in place of a secret.
  package static let secretPlaceholder = "…"

  /// The message as JSON, by protobuf's JSON mapping with the names of the schema, its fields in
  /// the schema's order.
  ///
  /// A 64-bit number is a JSON number up to 2^53 - 1 and a string past it: within these bounds
  /// every reader's Double is exact and no other number reads the same; past them a string says
  /// that it must be taken as text. Byte lists are base64url without padding, as pids are written.
  package func json(_ message: DynamicMessage, style: JSONStyle = JSONStyle()) -> JSONValue {
    var members: [JSONValue.Member] = []
    for field in message.index.type.fields {
      let values = message[field]
      if values.isEmpty || !field.hasPresence && !field.isRepeated && values[0].isZero {
        if style.showsAll, !field.hasPresence, let zero = zero(of: field) {
          members.append(JSONValue.Member(field.name, zero))
        }
        continue
      }
      members.append(JSONValue.Member(field.name, json(values, field, style)))
    }
    return .object(members)
  }

  /// The packed message `bytes` of the type `name` as JSON.
  package func json(
    unpacking bytes: [UInt8], as name: String, style: JSONStyle = JSONStyle()
  ) throws(DynamicMessageError) -> JSONValue {
    json(try unpack(bytes, as: name), style: style)
  }

  private func json(
    _ values: [DynamicMessage.Value], _ field: Field, _ style: JSONStyle
  ) -> JSONValue {
    if field.isSecret, !style.showsSecrets { return .string(Self.secretPlaceholder) }
    let shown = values.map { json($0, field, style) }
    return field.isRepeated ? .array(shown) : shown[0]
  }

  private func json(
    _ value: DynamicMessage.Value, _ field: Field, _ style: JSONStyle
  ) -> JSONValue {
    switch value {
    case .bool(let value): .bool(value)
    case .signed(let value): Self.json(value, isExact: value.magnitude < 1 << 53)
    case .unsigned(let value): Self.json(value, isExact: value < 1 << 53)
    case .float(let value): Self.json(value)
    case .double(let value): Self.json(value)
    case .text(let value): .string(value)
    case .bytes(let value): .string(Base64URL.encode(value))
    case .enumeration(let number): json(number, field)
    case .message(let inner): json(inner, style: style)
    }
  }

  private static func json(_ value: some BinaryInteger, isExact: Bool) -> JSONValue {
    isExact ? .number("\(value)") : .string("\(value)")
  }

  private static func json<Number: BinaryFloatingPoint & CustomStringConvertible>(
    _ value: Number
  ) -> JSONValue {
    if value.isNaN { return .string("NaN") }
    if value.isInfinite { return .string(value < 0 ? "-Infinity" : "Infinity") }
    return .number(value.description)
  }

  private func json(_ number: Int32, _ field: Field) -> JSONValue {
    guard case .enumeration(let name) = field.kind,
      let value = catalog.enumeration(name)?.values.first(where: { $0.number == number })
    else { return .number("\(number)") }
    return .string(value.name)
  }

  /// What an absent field says; `nil` for what has no zero.
  private func zero(of field: Field) -> JSONValue? {
    if field.isRepeated { return .array([]) }
    return switch field.kind {
    case .bool: .bool(false)
    case .int32, .int64, .uint32, .uint64: .number("0")
    case .float, .double: .number("0.0")
    case .string, .bytes: .string("")
    case .enumeration: json(0, field)
    case .message, .group: nil
    }
  }
}
