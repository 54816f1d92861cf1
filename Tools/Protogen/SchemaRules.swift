internal import SchemaModel

/// What the house refuses in a schema, and why the wire needs it refused.
struct SchemaRules {
  private let messages: [String: MessageType]

  /// Checks all files together; throws every problem at once, one on a line.
  static func check(_ files: [SchemaFile]) throws {
    let messages = files.flatMap(\.allMessages)
    let rules = SchemaRules(
      messages: Dictionary(messages.map { ($0.fullName, $0) }, uniquingKeysWith: { $1 }))
    var problems: [SchemaError] = []
    for message in messages { problems += rules.problems(of: message) }
    for type in files.flatMap(\.allEnums) { problems += rules.problems(of: type) }
    let methods = files.flatMap(\.services).flatMap(\.methods)
    for method in methods { problems += rules.problems(of: method) }
    problems += rules.collisions(in: methods)
    problems += rules.collisions(withTheEnvelopeIn: files)
    problems += rules.recursions(in: messages)
    if !problems.isEmpty {
      throw SchemaErrors(problems: problems)
    }
  }

  private func problems(of message: MessageType) -> [SchemaError] {
    if message.isMapEntry { return [] }
    var problems: [SchemaError] = []
    if message.source.comment.isEmpty {
      problems.append(SchemaError(message.source, "message \(message.name) has no comment"))
    }
    if SwiftModule.reservedTypeNames.contains(message.name) {
      problems.append(
        SchemaError(message.source, "a message named \(message.name) hides a Swift type"))
    }
    return problems + message.fields.flatMap { self.problems(of: $0, in: message) }
  }

  private func problems(of field: Field, in message: MessageType) -> [SchemaError] {
    var problems: [String] = []
    if field.source.comment.isEmpty { problems.append("has no comment") }
    if case .message(let type) = field.kind, messages[type]?.isMapEntry == true {
      problems.append("is a map; use a repeated message, whose order and limits are plain")
    }
    if field.kind == .group { problems.append("is a group") }
    if field.isProto3Optional {
      problems.append("is a proto3 optional; use a oneof with one member")
    }
    if field.isRequired { problems.append("is required; a field can then never be retired") }
    if field.hasDefault { problems.append("has a default; absent fields are zero or empty") }
    if field.name != field.name.lowercased() || ["base", "init"].contains(field.name) {
      problems.append("has a name that C cannot use; use lower_snake_case, not base or init")
    }
    if field.maxCount != nil, !field.isRepeated {
      problems.append("has max_count but is not repeated")
    }
    if field.maxBytes != nil, field.kind != .string, field.kind != .bytes {
      problems.append("has max_bytes but is neither string nor bytes")
    }
    return problems.map { SchemaError(field.source, "field \(message.name).\(field.name) \($0)") }
  }

  private func problems(of type: EnumType) -> [SchemaError] {
    var seen: Set<Int32> = []
    var problems: [SchemaError] = []
    for value in type.values {
      if value.number < 0 {
        problems.append(SchemaError(value.source, "\(value.name) is negative"))
      }
      if !seen.insert(value.number).inserted {
        problems.append(SchemaError(value.source, "\(value.name) is an alias"))
      }
    }
    if !seen.contains(0) {
      problems.append(SchemaError(type.source, "enum \(type.name) has no value 0"))
    }
    return problems
  }

  private func problems(of method: Method) -> [SchemaError] {
    var problems: [String] = []
    if method.source.comment.isEmpty { problems.append("has no comment") }
    if method.scope?.isEmpty ?? true {
      problems.append("names no scope; add option (tacit.options.v1.scope) = \"…\";")
    }
    if method.isInline, method.kind != .unary {
      problems.append("is inline but not unary")
    }
    return problems.map { SchemaError(method.source, "method \(method.fullName) \($0)") }
  }

  private func collisions(in methods: [Method]) -> [SchemaError] {
    var owners: [UInt32: Method] = [:]
    return methods.compactMap { method in
      guard let owner = owners.updateValue(method, forKey: method.id) else { return nil }
      return SchemaError(
        method.source,
        "method \(method.fullName) has the id of \(owner.fullName); rename one of them")
    }
  }

  /// A service imports the envelope's module and its API: one name in both would be ambiguous.
  private func collisions(withTheEnvelopeIn files: [SchemaFile]) -> [SchemaError] {
    let isEnvelope = { (file: SchemaFile) in file.package == "tacit.wire.v1" }
    let names = Set(files.filter(isEnvelope).flatMap(\.messages).map(\.name))
    return files.filter { !isEnvelope($0) }.flatMap(\.messages)
      .filter { names.contains($0.name) }
      .map { SchemaError($0.source, "message \($0.name) has the name of a wire message") }
  }

  /// protobuf-c unpacks by recursion without a limit: 34 KB of nesting overflow an 8 MiB stack.
  /// Where no message can hold itself the schema's depth is the limit.
  private func recursions(in messages: [MessageType]) -> [SchemaError] {
    var finished: Set<String> = []
    var problems: [SchemaError] = []
    func visit(_ message: MessageType, _ path: [String]) {
      if finished.contains(message.fullName) { return }
      for field in message.fields {
        guard case .message(let name) = field.kind, let next = self.messages[name] else { continue }
        let path = path + [message.fullName]
        if path.contains(name) {
          problems.append(
            SchemaError(
              field.source,
              "field \(message.name).\(field.name) makes \(name) hold itself; recursive messages "
                + "can overflow the receiver's stack"))
        } else {
          visit(next, path)
        }
      }
      finished.insert(message.fullName)
    }
    for message in messages { visit(message, []) }
    return problems
  }
}

/// Everything that is wrong with the schemas.
struct SchemaErrors: Error, CustomStringConvertible {
  var problems: [SchemaError]
  var description: String { problems.map(\.description).joined(separator: "\n") }
}
