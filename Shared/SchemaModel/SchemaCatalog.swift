/// Everything that some schema files define, found by name. What it hands out is sound: every
/// type that a field or a method names is there, and numbers and names are used once.
package struct SchemaCatalog: Sendable {
  /// All services, by name.
  package let services: [ServiceType]

  private let messages: [String: MessageIndex]
  private let enums: [String: EnumType]

  /// The catalog of the packed descriptor set `bytes`, which may come from another program.
  package init(descriptorSet bytes: [UInt8]) throws {
    try self.init(SchemaReader.files(in: bytes))
  }

  package init(_ files: [SchemaFile]) throws(SchemaError) {
    var messages: [String: MessageIndex] = [:]
    var enums: [String: EnumType] = [:]
    for type in files.flatMap(\.allMessages) {
      guard messages.updateValue(try MessageIndex(type), forKey: type.fullName) == nil else {
        throw SchemaError("\(type.fullName) is defined twice")
      }
    }
    for type in files.flatMap(\.allEnums) {
      guard enums.updateValue(type, forKey: type.fullName) == nil else {
        throw SchemaError("\(type.fullName) is defined twice")
      }
    }
    self.messages = messages
    self.enums = enums
    services = files.flatMap(\.services).sorted { $0.fullName < $1.fullName }
    try checkReferences()
  }

  /// The message with this full name.
  package func message(_ fullName: String) -> MessageIndex? { messages[fullName] }

  /// The enum with this full name.
  package func enumeration(_ fullName: String) -> EnumType? { enums[fullName] }

  /// The full names of all messages, sorted.
  package var messageNames: [String] { messages.keys.sorted() }

  /// The full names of all enums, sorted.
  package var enumNames: [String] { enums.keys.sorted() }

  private func checkReferences() throws(SchemaError) {
    for index in messages.values {
      for field in index.type.fields {
        let isKnown =
          switch field.kind {
          case .message(let name): messages[name] != nil
          case .enumeration(let name): enums[name] != nil
          default: true
          }
        guard isKnown else {
          throw SchemaError(
            "field \(index.type.fullName).\(field.name) has a type that is not defined")
        }
      }
    }
    for method in services.flatMap(\.methods) {
      guard messages[method.input] != nil, messages[method.output] != nil else {
        throw SchemaError("method \(method.fullName) has a message that is not defined")
      }
    }
  }
}

/// A message with its fields found by number and by name.
package final class MessageIndex: Sendable {
  package let type: MessageType

  private let byNumber: [Int32: Field]
  private let byName: [String: Field]

  init(_ type: MessageType) throws(SchemaError) {
    self.type = type
    var byNumber: [Int32: Field] = [:]
    var byName: [String: Field] = [:]
    for field in type.fields {
      let name = "field \(type.fullName).\(field.name)"
      guard field.number > 0, field.number < 1 << 29 else {
        throw SchemaError("\(name) has a number outside 1 to 536870911")
      }
      guard field.oneof.map(type.oneofs.indices.contains) ?? true else {
        throw SchemaError("\(name) is in a oneof that is not defined")
      }
      let isNumberNew = byNumber.updateValue(field, forKey: field.number) == nil
      let isNameNew = Set([field.name, field.jsonName]).allSatisfy {
        byName.updateValue(field, forKey: $0) == nil
      }
      guard isNumberNew, isNameNew else {
        throw SchemaError("\(name) has the number or the name of another field")
      }
    }
    self.byNumber = byNumber
    self.byName = byName
  }

  package func field(_ number: Int32) -> Field? { byNumber[number] }

  /// The field with this name as in the schema, or as in JSON.
  package func field(named name: String) -> Field? { byName[name] }
}

extension Field {
  /// Whether zero is different from absent: then zero is written too.
  package var hasPresence: Bool {
    guard !isRepeated else { return false }
    if case .message = kind { return true }
    return oneof != nil || isProto3Optional
  }

  /// The type as the schema writes it: `sint32`, `tacit.consent.v1.Receipt`.
  package var typeName: String {
    switch (kind, encoding) {
    case (.bool, _): "bool"
    case (.int32, .varint): "int32"
    case (.int32, .zigzag): "sint32"
    case (.int32, .fixed): "sfixed32"
    case (.int64, .varint): "int64"
    case (.int64, .zigzag): "sint64"
    case (.int64, .fixed): "sfixed64"
    case (.uint32, .fixed): "fixed32"
    case (.uint32, _): "uint32"
    case (.uint64, .fixed): "fixed64"
    case (.uint64, _): "uint64"
    case (.float, _): "float"
    case (.double, _): "double"
    case (.string, _): "string"
    case (.bytes, _): "bytes"
    case (.enumeration(let name), _), (.message(let name), _): name
    case (.group, _): "group"
    }
  }
}

extension ServiceType {
  /// The package: `tacit.consent.v1`.
  package var package: String { String(fullName.dropLast(name.count + 1)) }
}
