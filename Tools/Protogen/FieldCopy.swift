internal import SchemaModel

/// Writes the lines that copy one field between the Swift value and protobuf-c's structure.
struct FieldCopy {
  private let field: Field
  private let message: MessageType
  private let member: String
  private let target: String

  init(_ field: Field, in message: MessageType) {
    self.field = field
    self.message = message
    member = "self.\(SwiftName.declaration(field.name))"
    target = CName.field(field.name)
  }

  // MARK: - To C

  /// The lines that write the property into the structure.
  func writeOut(to source: inout SourceText) {
    if field.isRepeated {
      source.line("unsafe message.pointee.n_\(target) = \(member).count")
      source.line("unsafe message.pointee.\(target) = \(repeatedOut)")
    } else if case .message = field.kind {
      source.line("unsafe message.pointee.\(target) = \(member).map { unsafe arena.message($0) }")
    } else {
      source.line(assignment(from: member))
      if message.isProto2, field.kind != .string {
        source.line("unsafe message.pointee.has_\(target) = \(isPresent) ? 1 : 0")
      }
    }
  }

  /// The line that writes one value into the structure.
  func assignment(from value: String) -> String {
    let copied =
      switch field.kind {
      case .bool: "\(value) ? 1 : 0"
      case .string: "arena.text(\(value))"
      case .bytes: "arena.bytes(\(value))"
      case .enumeration: ".init(rawValue: UInt32(bitPattern: \(value).rawValue))"
      case .message: "arena.message(\(value))"
      default: value
      }
    return "unsafe message.pointee.\(target) = \(copied)"
  }

  private var isPresent: String {
    switch field.kind {
    case .bool: member
    case .bytes: "!\(member).isEmpty"
    case .enumeration: "\(member).rawValue != 0"
    default: "\(member) != 0"
    }
  }

  private var repeatedOut: String {
    switch field.kind {
    case .bool: "arena.elements(\(member).map { $0 ? 1 : 0 })"
    case .string: "arena.texts(\(member))"
    case .bytes: "arena.byteLists(\(member))"
    case .enumeration:
      "arena.elements(\(member).map { .init(rawValue: UInt32(bitPattern: $0.rawValue)) })"
    case .message: "arena.messages(\(member))"
    default: "arena.elements(\(member))"
    }
  }

  // MARK: - From C

  /// The line that reads the property from the structure.
  func writeIn(_ types: TypeTable, to source: inout SourceText) throws {
    source.line("\(member) = \(try field.isRepeated ? repeatedIn(types) : value(types))")
  }

  /// The expression that reads one value.
  func value(_ types: TypeTable) throws -> String {
    let stored = "message.pointee.\(target)"
    return switch field.kind {
    case .bool: "unsafe \(stored) != 0"
    case .string, .bytes: "try unsafe arena.\(reader)(\(stored), \(bounds))"
    case .enumeration:
      "unsafe \(try types.element(of: field, in: message))(rawValue: Int32(bitPattern: "
        + "\(stored).rawValue))"
    case .message:
      "try unsafe arena.message(\(stored), as: \(try types.element(of: field, in: message)).self)"
    default: "unsafe \(stored)"
    }
  }

  private func repeatedIn(_ types: TypeTable) throws -> String {
    let stored = "message.pointee.\(target), count: message.pointee.n_\(target), \(bounds)"
    let element = try types.element(of: field, in: message)
    return switch field.kind {
    case .bool: "try unsafe arena.elements(\(stored)).map { $0 != 0 }"
    case .string: "try unsafe arena.texts(\(stored))"
    case .bytes: "try unsafe arena.byteLists(\(stored))"
    case .enumeration:
      "try unsafe arena.elements(\(stored)).map { \(element)(rawValue: Int32(bitPattern: "
        + "$0.rawValue)) }"
    case .message: "try unsafe arena.messages(\(stored), as: \(element).self)"
    default: "try unsafe arena.elements(\(stored))"
    }
  }

  private var reader: String { field.kind == .string ? "text" : "bytes" }

  /// What every check needs: the field's name and its limits.
  private var bounds: String {
    var bounds = ["field: \"\(message.path.joined(separator: ".")).\(field.name)\""]
    if let maxBytes = field.maxBytes { bounds.append("maxBytes: \(maxBytes)") }
    if let maxCount = field.maxCount { bounds.append("maxCount: \(maxCount)") }
    return bounds.joined(separator: ", ")
  }
}
