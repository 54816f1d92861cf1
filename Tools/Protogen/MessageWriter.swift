internal import SchemaModel

/// Writes a message as a Swift value with its two-way copy to protobuf-c's structure.
struct MessageWriter {
  let message: MessageType
  let types: TypeTable

  /// A stored property: a field of its own, or a oneof at the place of its first member.
  private enum Property {
    case field(Field)
    case oneof(Oneof, [Field])
  }

  private var properties: [Property] {
    var seen: Set<Int> = []
    return message.fields.compactMap { field in
      guard let index = field.oneof else { return .field(field) }
      guard seen.insert(index).inserted else { return nil }
      return .oneof(message.oneofs[index], message.fields.filter { $0.oneof == index })
    }
  }

  // MARK: - The value

  /// The structure with everything nested in it.
  func write(to source: inout SourceText) throws {
    source.comment(message.source.comment)
    try source.block("public struct \(message.name): WireMessage, Equatable") { source in
      source.comment(["The name in the schema."])
      source.line("public static var messageName: String { \"\(message.fullName)\" }")
      for property in properties {
        source.line()
        source.comment(comment(of: property))
        let type = try type(of: property)
        source.line("public var \(name(of: property)): \(type) = \(initial(property))")
      }
      source.line()
      source.comment(["A message with every field zero, empty or absent."])
      source.line("public init() {}")
      try writeMemberwise(to: &source)
      writePacking(to: &source)
      for property in properties {
        if case .oneof(let oneof, let fields) = property {
          source.line()
          try writeOneof(oneof, fields, to: &source)
        }
      }
      for type in message.enums {
        source.line()
        EnumWriter(type: type).write(to: &source)
      }
      for nested in message.messages {
        source.line()
        try MessageWriter(message: nested, types: types).write(to: &source)
      }
    }
  }

  private func writeMemberwise(to source: inout SourceText) throws {
    guard !properties.isEmpty else { return }
    source.line()
    source.comment(["A message with these fields, the others zero, empty or absent."])
    let parameters = try properties.map {
      "\(name(of: $0)): \(try type(of: $0)) = \(initial($0))"
    }
    source.list("public init(", parameters, ") {")
    for property in properties {
      source.line("  self.\(name(of: property)) = \(name(of: property))")
    }
    source.line("}")
  }

  private func writePacking(to source: inout SourceText) {
    source.line()
    source.block(
      "public init(packed bytes: UnsafeRawBufferPointer, limit: UnpackLimit) throws(WireError)"
    ) { $0.line("self = try unsafe Self.unpacked(from: bytes, limit: limit)") }
    source.line()
    source.block("public func packed() -> [UInt8]") { $0.line("unsafe packedBytes()") }
    source.line()
    source.line("public func withPacked<Result, Failure: Error>(")
    source.line("  _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result")
    source.block(") throws(Failure) -> Result") {
      $0.line("try unsafe withPackedBytes(body)")
    }
    source.line()
    // Not the protocol's own, which would run for any type: this one is compiled for the message.
    source.block("public func pack(_ body: (UnsafeRawBufferPointer) -> Void)") {
      $0.line("unsafe packBytes(body)")
    }
  }

  private func writeOneof(
    _ oneof: Oneof, _ fields: [Field], to source: inout SourceText
  ) throws {
    source.comment(oneof.source.comment, otherwise: "What `\(oneof.name)` can hold.")
    try source.block("public enum \(SwiftName.type(oneof.name)): Equatable, Sendable") { source in
      for field in fields {
        source.comment(field.source.comment)
        source.line(
          "case \(SwiftName.declaration(field.name))(\(try types.element(of: field, in: message)))")
      }
    }
  }

  private func comment(of property: Property) -> [String] {
    switch property {
    case .field(let field): field.source.comment
    case .oneof(let oneof, let fields):
      oneof.source.comment.isEmpty
        ? ["One of \(fields.map { "`\(SwiftName.member($0.name))`" }.joined(separator: ", "))."]
        : oneof.source.comment
    }
  }

  private func name(of property: Property) -> String {
    switch property {
    case .field(let field): SwiftName.declaration(field.name)
    case .oneof(let oneof, _): SwiftName.declaration(oneof.name)
    }
  }

  private func type(of property: Property) throws -> String {
    switch property {
    case .field(let field):
      let element = try types.element(of: field, in: message)
      if field.isRepeated { return "[\(element)]" }
      return if case .message = field.kind { "\(element)?" } else { element }
    case .oneof(let oneof, _): return "\(SwiftName.type(oneof.name))?"
    }
  }

  private func initial(_ property: Property) -> String {
    guard case .field(let field) = property else { return "nil" }
    if field.isRepeated { return "[]" }
    return switch field.kind {
    case .bool: "false"
    case .string: "\"\""
    case .bytes: "[]"
    case .enumeration(let type): ".\(types.zeroCase(of: type))"
    case .message: "nil"
    default: "0"
    }
  }

  // MARK: - The copy to and from C

  /// The extensions that copy the message and those nested in it.
  func writeCopying(to source: inout SourceText) throws {
    source.line()
    let name = message.path.joined(separator: ".")
    try source.block("extension \(name): @unsafe CopiedThroughC") { source in
      let lowercased = CName.lowercased(message.fullName)
      let pointer = "UnsafeMutablePointer<\(CName.type(message.fullName))>"
      source.block("package static func prepare(_ message: \(pointer))") {
        $0.line("unsafe \(lowercased)__init(message)")
      }
      source.line()
      source.block("package func copy(to message: \(pointer), in arena: Arena)") { source in
        for property in properties {
          switch property {
          case .field(let field): FieldCopy(field, in: message).writeOut(to: &source)
          case .oneof(let oneof, let fields): writeOut(oneof, fields, to: &source)
          }
        }
      }
      source.line()
      try source.block(
        "package init(copying message: \(pointer), in arena: Arena) throws(WireError)"
      ) { source in
        for property in properties {
          switch property {
          case .field(let field):
            try FieldCopy(field, in: message).writeIn(types, to: &source)
          case .oneof(let oneof, let fields): try writeIn(oneof, fields, to: &source)
          }
        }
      }
    }
    writeMirror(of: name, to: &source)
    for nested in message.messages {
      try MessageWriter(message: nested, types: types).writeCopying(to: &source)
    }
  }

  private func writeOut(_ oneof: Oneof, _ fields: [Field], to source: inout SourceText) {
    source.block("switch self.\(SwiftName.declaration(oneof.name))") { source in
      source.line("case nil: break")
      for field in fields {
        source.line("case .\(SwiftName.declaration(field.name))(let value):")
        source.line(
          "  unsafe message.pointee.\(oneof.name)_case = .init(rawValue: \(field.number))")
        source.line("  " + FieldCopy(field, in: message).assignment(from: "value"))
      }
    }
  }

  private func writeIn(
    _ oneof: Oneof, _ fields: [Field], to source: inout SourceText
  ) throws {
    let name = "self.\(SwiftName.declaration(oneof.name))"
    try source.block("switch unsafe message.pointee.\(oneof.name)_case.rawValue") { source in
      for field in fields {
        let copy = FieldCopy(field, in: message)
        let member = SwiftName.declaration(field.name)
        source.line("case \(field.number):")
        if case .message = field.kind {
          source.line("  \(name) = \(try copy.value(types)).map { .\(member)($0) }")
        } else {
          source.line("  \(name) = .\(member)(\(try copy.value(types)))")
        }
      }
      source.line("default: \(name) = nil")
    }
  }

  private func writeMirror(of name: String, to source: inout SourceText) {
    guard message.fields.contains(where: \.isSecret) else { return }
    source.line()
    source.block("extension \(name): CustomReflectable") { source in
      source.comment(["The fields, with the secret ones left out."])
      source.block("public var customMirror: Mirror") { source in
        let children = properties.map { property in
          let isSecret =
            switch property {
            case .field(let field): field.isSecret
            case .oneof(_, let fields): fields.contains(where: \.isSecret)
            }
          let label = self.name(of: property).filter { $0 != "`" }
          return "\"\(label)\": \(isSecret ? "\"redacted\"" : "\(self.name(of: property)) as Any")"
        }
        source.list("Mirror(self, children: [", children, "], displayStyle: .struct)")
      }
    }
  }
}

extension TypeTable {
  /// The Swift type of one element of the field.
  func element(of field: Field, in message: MessageType) throws -> String {
    switch field.kind {
    case .bool: "Bool"
    case .int32: "Int32"
    case .int64: "Int64"
    case .uint32: "UInt32"
    case .uint64: "UInt64"
    case .float: "Float"
    case .double: "Double"
    case .string: "String"
    case .bytes: "[UInt8]"
    case .enumeration(let name), .message(let name): try self.name(of: name, in: message)
    case .group: throw SchemaError(field.source, "field \(field.name) is a group")
    }
  }
}
