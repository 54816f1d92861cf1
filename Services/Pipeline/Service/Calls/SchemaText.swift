package import DynamicMessages
internal import SchemaModel
internal import ServiceKit

/// What a server answers, as text for people.
package struct SchemaText {
  private let schema: ServerSchema

  package init(_ schema: ServerSchema) { self.schema = schema }

  /// All services with their methods, a line each.
  package func services() -> String {
    schema.services.map { service in
      var table = Table("method", "kind", "scope", "", "what it does")
      for method in service.methods {
        table.add(
          "\(service.name)/\(method.name)", method.kindText, method.scope ?? "",
          method.traits.joined(separator: ", "), method.source.comment.first ?? "")
      }
      return
        ([service.fullName] + service.source.comment.prefix(1).map { "  \($0)" }
        + table.text.split(separator: "\n").map { "  \($0)" }).joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  /// One service, method, message or enum with its comments, and how it is called.
  package func text(of item: ServerSchema.Item) throws -> String {
    switch item {
    case .service(let service): text(of: service)
    case .method(let method): try text(of: method)
    case .message(let message):
      try [definition(of: message), "Example:\n" + example(of: message.fullName, indent: "  ")]
        .joined(separator: "\n\n")
    case .enumeration(let type): definition(of: type)
    }
  }

  // MARK: - Parts

  private func text(of service: ServiceType) -> String {
    var lines = comment(service.source, indent: "")
    lines.append("service \(service.fullName) {")
    for (index, method) in service.methods.enumerated() {
      if index > 0 { lines.append("") }
      lines += comment(method.source, indent: "  ") + ["  \(signature(of: method))"]
    }
    return (lines + ["}"]).joined(separator: "\n")
  }

  private func text(of method: Method) throws -> String {
    var parts = [
      (comment(method.source, indent: "") + [signature(of: method)]).joined(separator: "\n")
    ]
    for name in method.input == method.output ? [method.input] : [method.input, method.output] {
      if let index = schema.codec.catalog.message(name) { parts.append(definition(of: index.type)) }
    }
    let example = try schema.codec.example(of: method.input)
    let name = method.fullName.split(separator: ".").last.map(String.init) ?? method.fullName
    let takesMany = [.clientStreaming, .bidirectional].contains(method.kind)
    parts.append(
      takesMany
        ? "Example, a request on each line of standard input:\n  echo '\(example.line)' | tacit call \(name) -"
        : "Example:\n  tacit call \(name) '\(example.line)'")
    return parts.joined(separator: "\n\n")
  }

  private func signature(of method: Method) -> String {
    let takesMany = [.clientStreaming, .bidirectional].contains(method.kind)
    let givesMany = [.serverStreaming, .bidirectional].contains(method.kind)
    let input = (takesMany ? "stream " : "") + method.input
    let output = (givesMany ? "stream " : "") + method.output
    let notes = ["scope \(method.scope ?? "none")"] + method.traits
    return "rpc \(method.name)(\(input)) returns (\(output));  // \(notes.joined(separator: ", "))"
  }

  private func definition(of message: MessageType) -> String {
    var lines = comment(message.source, indent: "")
    guard !message.fields.isEmpty else {
      return (lines + ["message \(message.fullName) {}"]).joined(separator: "\n")
    }
    lines.append("message \(message.fullName) {")
    var seen: Set<Int> = []
    for field in message.fields {
      guard let oneof = field.oneof else {
        lines += definition(of: field, indent: "  ")
        continue
      }
      guard seen.insert(oneof).inserted else { continue }
      lines += comment(message.oneofs[oneof].source, indent: "  ")
      lines.append("  oneof \(message.oneofs[oneof].name) {")
      for member in message.fields where member.oneof == oneof {
        lines += definition(of: member, indent: "    ")
      }
      lines.append("  }")
    }
    return (lines + ["}"]).joined(separator: "\n")
  }

  private func definition(of field: Field, indent: String) -> [String] {
    var line = "\(indent)\(field.isRepeated ? "repeated " : "")\(field.typeName) \(field.name)"
    line += " = \(field.number);"
    let limits = field.limits
    if !limits.isEmpty { line += "  // \(limits.joined(separator: ", "))" }
    return comment(field.source, indent: indent) + [line]
  }

  private func definition(of type: EnumType) -> String {
    var lines = comment(type.source, indent: "")
    lines.append("enum \(type.fullName) {")
    for value in type.values {
      lines += comment(value.source, indent: "  ") + ["  \(value.name) = \(value.number);"]
    }
    return (lines + ["}"]).joined(separator: "\n")
  }

  private func example(of message: String, indent: String) throws -> String {
    try schema.codec.example(of: message).document.split(separator: "\n")
      .map { indent + $0 }.joined(separator: "\n")
  }

  private func comment(_ source: Source, indent: String) -> [String] {
    source.comment.map { $0.isEmpty ? "\(indent)//" : "\(indent)// \($0)" }
  }
}

/// The same for programs.
package struct SchemaDocument {
  private let schema: ServerSchema

  package init(_ schema: ServerSchema) { self.schema = schema }

  /// All services with their methods.
  package func services() -> JSONValue { .array(schema.services.map(json)) }

  /// One service, method, message or enum.
  package func json(of item: ServerSchema.Item) throws -> JSONValue {
    switch item {
    case .service(let service): json(service)
    case .method(let method):
      .object(
        members(of: method) + [
          .init("example", try schema.codec.example(of: method.input))
        ])
    case .message(let message):
      .object([
        .init("message", .string(message.fullName)), comment(message.source),
        .init("fields", .array(message.fields.map { json($0, in: message) })),
        .init("example", try schema.codec.example(of: message.fullName)),
      ])
    case .enumeration(let type):
      .object([
        .init("enum", .string(type.fullName)), comment(type.source),
        .init(
          "values",
          .array(
            type.values.map {
              .object([
                .init("name", .string($0.name)), .init("number", .number("\($0.number)")),
                comment($0.source),
              ])
            })),
      ])
    }
  }

  private func json(_ service: ServiceType) -> JSONValue {
    .object([
      .init("service", .string(service.fullName)), comment(service.source),
      .init("methods", .array(service.methods.map { .object(members(of: $0)) })),
    ])
  }

  private func members(of method: Method) -> [JSONValue.Member] {
    [
      .init("method", .string(method.fullName)), comment(method.source),
      .init("kind", .string(method.kindText)), .init("request", .string(method.input)),
      .init("reply", .string(method.output)), .init("scope", .string(method.scope ?? "")),
      .init("inline", .bool(method.isInline)), .init("idempotent", .bool(method.isIdempotent)),
    ]
  }

  private func json(_ field: Field, in message: MessageType) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(field.name)), comment(field.source),
      .init("type", .string(field.typeName)), .init("number", .number("\(field.number)")),
      .init("repeated", .bool(field.isRepeated)), .init("secret", .bool(field.isSecret)),
    ]
    if let oneof = field.oneof {
      members.append(.init("oneof", .string(message.oneofs[oneof].name)))
    }
    if let limit = field.maxBytes { members.append(.init("max_bytes", .number("\(limit)"))) }
    if let limit = field.maxCount { members.append(.init("max_count", .number("\(limit)"))) }
    return .object(members)
  }

  private func comment(_ source: Source) -> JSONValue.Member {
    .init("comment", .string(source.comment.joined(separator: "\n")))
  }
}

extension Method {
  fileprivate var kindText: String {
    switch kind {
    case .unary: "unary"
    case .clientStreaming: "client streaming"
    case .serverStreaming: "server streaming"
    case .bidirectional: "bidirectional"
    }
  }

  fileprivate var traits: [String] {
    (isInline ? ["inline"] : []) + (isIdempotent ? ["idempotent"] : [])
  }
}

extension Field {
  fileprivate var limits: [String] {
    let each = isRepeated ? " each" : ""
    return [
      maxCount.map { "at most \($0) elements" }, maxBytes.map { "at most \($0) bytes\(each)" },
      isSecret ? "secret" : nil,
    ].compactMap(\.self)
  }
}
