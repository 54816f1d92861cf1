internal import PrivacyCore
internal import SchemaModel

extension MessageCodec {
  /// Reads a message of the type `name` from JSON, by protobuf's JSON mapping: fields by their
  /// name in the schema or its lowerCamelCase form, null as absent, 64-bit numbers also as
  /// strings, byte lists in base64 of either alphabet with or without padding, enums by name or
  /// number.
  package func message(
    fromJSON json: JSONValue, as name: String
  ) throws(DynamicMessageError) -> DynamicMessage {
    try message(json, of: index(name, at: .root), at: .root)
  }

  /// Packs the message that a JSON value describes.
  package func pack(
    json: JSONValue, as name: String
  ) throws(DynamicMessageError) -> [UInt8] {
    try pack(message(fromJSON: json, as: name))
  }

  private func message(
    _ json: JSONValue, of index: MessageIndex, at path: FieldPath
  ) throws(DynamicMessageError) -> DynamicMessage {
    guard case .object(let members) = json else {
      throw path.fault("must be an object, not \(json.kindName)")
    }
    var message = DynamicMessage(index)
    var given: Set<Int32> = []
    var oneofs: [Int: String] = [:]
    for member in members {
      guard let field = index.field(named: member.name) else {
        throw path.unknownField(member.name, of: index)
      }
      let path = path.field(field.name)
      guard given.insert(field.number).inserted else { throw path.fault("is given twice") }
      if member.value == .null { continue }
      if let oneof = field.oneof {
        if let other = oneofs.updateValue(field.name, forKey: oneof) {
          throw path.fault("and \(other) are alternatives; give one of them")
        }
      }
      message.set(field, try values(member.value, field, at: path))
    }
    return message
  }

  private func values(
    _ json: JSONValue, _ field: Field, at path: FieldPath
  ) throws(DynamicMessageError) -> [DynamicMessage.Value] {
    guard field.isRepeated else { return [try value(json, field, at: path)] }
    guard case .array(let elements) = json else {
      throw path.fault("must be a list, not \(json.kindName)")
    }
    try checkCount(elements.count, field, at: path)
    var values: [DynamicMessage.Value] = []
    for (index, element) in elements.enumerated() {
      values.append(try value(element, field, at: path.element(index)))
    }
    return values
  }

  private func value(
    _ json: JSONValue, _ field: Field, at path: FieldPath
  ) throws(DynamicMessageError) -> DynamicMessage.Value {
    let value: DynamicMessage.Value
    switch field.kind {
    case .bool:
      guard case .bool(let flag) = json else { throw path.unfit(json, "true or false") }
      value = .bool(flag)
    case .int32: value = .signed(Int64(try whole(json, as: Int32.self, at: path)))
    case .int64: value = .signed(try whole(json, as: Int64.self, at: path))
    case .uint32: value = .unsigned(UInt64(try whole(json, as: UInt32.self, at: path)))
    case .uint64: value = .unsigned(try whole(json, as: UInt64.self, at: path))
    case .float: value = .float(try floating(json, at: path))
    case .double: value = .double(try floating(json, at: path))
    case .string:
      guard case .string(let text) = json else { throw path.unfit(json, "a string") }
      value = .text(text)
    case .bytes: value = .bytes(try bytes(json, at: path))
    case .enumeration(let name): value = .enumeration(try enumeration(json, name, at: path))
    case .message(let name):
      let path = try path.entered(limits)
      value = .message(try message(json, of: index(name, at: path), at: path))
    case .group: throw path.fault("is a group, which is not supported")
    }
    try checkLimits(of: value, field, at: path)
    return value
  }

  // MARK: - Kinds of values

  private func whole<Number: FixedWidthInteger>(
    _ json: JSONValue, as type: Number.Type, at path: FieldPath
  ) throws(DynamicMessageError) -> Number {
    let wanted = "a whole number from \(Number.min) to \(Number.max)"
    guard let text = json.numberText else { throw path.unfit(json, wanted) }
    if let number = Number(text) { return number }
    // 1.0 and 1e3 are whole too; past 2^53 a Double would round without a word.
    guard text.contains(where: { ".eE".contains($0) }), let double = Double(text),
      double.magnitude < 0x1p53, let number = Number(exactly: double)
    else { throw path.fault("must be \(wanted), in digits where it is large") }
    return number
  }

  private func floating<Number: BinaryFloatingPoint & LosslessStringConvertible>(
    _ json: JSONValue, at path: FieldPath
  ) throws(DynamicMessageError) -> Number {
    switch json {
    case .string("NaN"): return .nan
    case .string("Infinity"): return .infinity
    case .string("-Infinity"): return -.infinity
    default: break
    }
    guard let text = json.numberText, let number = Number(text) else {
      throw path.unfit(json, "a number, \"NaN\", \"Infinity\" or \"-Infinity\"")
    }
    guard number.isFinite else { throw path.fault("is too large for a \(Number.self)") }
    return number
  }

  private func bytes(_ json: JSONValue, at path: FieldPath) throws(DynamicMessageError) -> [UInt8] {
    guard case .string(let text) = json else { throw path.unfit(json, "base64 in a string") }
    var digits = text.replacing("+", with: "-").replacing("/", with: "_")
    if digits.hasSuffix("="), digits.utf8.count.isMultiple(of: 4) {
      digits.removeLast(digits.hasSuffix("==") ? 2 : 1)
    }
    guard let bytes = Base64URL.decode(digits) else {
      throw path.fault("is not base64 (of either alphabet, with or without padding)")
    }
    return bytes
  }

  private func enumeration(
    _ json: JSONValue, _ name: String, at path: FieldPath
  ) throws(DynamicMessageError) -> Int32 {
    let type = catalog.enumeration(name)
    switch json {
    case .string(let text):
      if let value = type?.values.first(where: { $0.name == text }) { return value.number }
    case .number:
      return try whole(json, as: Int32.self, at: path)
    default: break
    }
    let names = (type?.values ?? []).prefix(12).map(\.name).joined(separator: ", ")
    throw path.fault("must be one of \(names), or its number")
  }
}

extension JSONValue {
  /// The text of a number, which may stand in a string.
  fileprivate var numberText: String? {
    switch self {
    case .number(let text): text
    case .string(let text): JSONParser.isNumber(text) ? text : nil
    default: nil
    }
  }
}

extension FieldPath {
  fileprivate func unfit(_ json: JSONValue, _ wanted: String) -> DynamicMessageError {
    if case .string = json { return fault("must be \(wanted)") }
    return fault("must be \(wanted), not \(json.kindName)")
  }

  /// The fault of a field that isn't there. Its name is repeated where it is a plain one: it then
  /// holds nothing of what was to be sent.
  func unknownField(_ name: String, of index: MessageIndex) -> DynamicMessageError {
    let isPlain =
      name.utf8.count <= 64 && name.first?.isLetter == true
      && name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
    let names = index.type.fields.map(\.name)
    let shown =
      names.isEmpty
      ? "none" : names.prefix(12).joined(separator: ", ") + (names.count > 12 ? " and more" : "")
    let known = "a \(index.type.name) has \(shown)"
    return isPlain
      ? field(name).fault("is no field; \(known)") : fault("has no such field; \(known)")
  }
}
