internal import SchemaModel

extension MessageCodec {
  /// The JSON of a message of the type `name` from `name=value` words: a field inside another
  /// message is named with dots, a repeated one is given several times. A text is taken as it
  /// stands; the value of a message is JSON.
  package func json(
    fromFields words: [String], as name: String
  ) throws(DynamicMessageError) -> JSONValue {
    var object = JSONValue.object([])
    let index = try index(name, at: .root)
    for word in words {
      guard let equals = word.firstIndex(of: "="), equals > word.startIndex else {
        throw .field(
          path: "", problem: "is given as name=value; one of the words has no name or no =")
      }
      let names = word[..<equals].split(separator: ".", omittingEmptySubsequences: false)
        .map(String.init)
      object = try object.adding(
        String(word[word.index(after: equals)...]), to: names[...], of: index, codec: self,
        at: .root)
    }
    return object
  }
}

extension JSONValue {
  fileprivate func adding(
    _ text: String, to names: ArraySlice<String>, of index: MessageIndex, codec: MessageCodec,
    at path: FieldPath
  ) throws(DynamicMessageError) -> JSONValue {
    guard case .object(var members) = self, let name = names.first else {
      throw path.fault("is given twice")
    }
    guard let field = index.field(named: name) else {
      throw path.unknownField(name, of: index)
    }
    let path = path.field(field.name)
    let place = members.firstIndex { $0.name == field.name }
    let old = place.map { members[$0].value }
    let new: JSONValue
    if names.count > 1 {
      guard case .message(let inner) = field.kind, !field.isRepeated else {
        throw path.fault("is no single message, so nothing in it can be named")
      }
      let path = try path.entered(codec.limits)
      new = try (old ?? .object([])).adding(
        text, to: names.dropFirst(), of: codec.index(inner, at: path), codec: codec, at: path)
    } else if field.isRepeated {
      var elements: [JSONValue] = []
      if case .array(let some)? = old { elements = some }
      new = .array(elements + [try Self.value(text, field, at: path)])
    } else {
      guard old == nil else { throw path.fault("is given twice") }
      new = try Self.value(text, field, at: path)
    }
    if let place {
      members[place].value = new
    } else {
      members.append(Member(field.name, new))
    }
    return .object(members)
  }

  private static func value(
    _ text: String, _ field: Field, at path: FieldPath
  ) throws(DynamicMessageError) -> JSONValue {
    switch field.kind {
    case .bool:
      guard text == "true" || text == "false" else { throw path.fault("must be true or false") }
      return .bool(text == "true")
    case .enumeration: return Int32(text) == nil ? .string(text) : .number(text)
    case .message:
      do throws(DynamicMessageError) {
        return try JSONParser.parse(text)
      } catch {
        throw path.fault("is a message, so its value is JSON: \(error)")
      }
    default: return .string(text)
    }
  }
}
