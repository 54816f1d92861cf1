internal import CProtobufC
internal import CTacitProtos

typealias CFile = UnsafePointer<Google__Protobuf__FileDescriptorProto>

/// Turns a descriptor set into `SchemaFile`s. It may come from another program: what does not
/// parse is an error. Whatever the house forbids is refused later, by the generator's
/// `SchemaRules`.
@safe package struct SchemaReader {
  private let file: CFile
  private let path: String
  private let package: String
  private let isProto2: Bool
  private let locations: [[Int32]: (line: Int, comment: [String])]

  /// All files of a packed `google.protobuf.FileDescriptorSet`, in its order: imports first.
  package static func files(
    in bytes: [UInt8], byteCountMax: Int = DescriptorSet.byteCountMax
  ) throws -> [SchemaFile] {
    try DescriptorSet.check(bytes, byteCountMax: byteCountMax)
    guard
      let set = unsafe google__protobuf__file_descriptor_set__unpack(nil, bytes.count, bytes)
    else { throw SchemaError("the descriptor set does not parse") }
    defer { unsafe google__protobuf__file_descriptor_set__free_unpacked(set, nil) }
    return try unsafe list(set.pointee.file, set.pointee.n_file).map {
      try unsafe SchemaReader($0).schemaFile()
    }
  }

  private init(_ file: CFile) {
    unsafe self.file = file
    path = unsafe text(file.pointee.name)
    package = unsafe text(file.pointee.package)
    isProto2 = unsafe text(file.pointee.syntax) != "proto3"
    var locations: [[Int32]: (line: Int, comment: [String])] = [:]
    if let info = unsafe file.pointee.source_code_info {
      for index in 0..<(unsafe info.pointee.n_location) {
        guard let location = unsafe info.pointee.location[index] else { continue }
        let path = unsafe Array(
          UnsafeBufferPointer(start: location.pointee.path, count: location.pointee.n_path))
        let line = unsafe location.pointee.n_span > 0 ? Int(location.pointee.span[0]) + 1 : 0
        let leading = unsafe text(location.pointee.leading_comments)
        let trailing = unsafe text(location.pointee.trailing_comments)
        if locations[path] == nil {
          locations[path] = (line, commentLines(leading.isEmpty ? trailing : leading))
        }
      }
    }
    self.locations = locations
  }

  private func schemaFile() throws -> SchemaFile {
    let imports = unsafe UnsafeBufferPointer(
      start: file.pointee.dependency, count: file.pointee.n_dependency
    ).map { unsafe text($0) }
    return SchemaFile(
      path: path, package: package, imports: imports,
      messages: try unsafe list(file.pointee.message_type, file.pointee.n_message_type)
        .enumerated().map { try unsafe message($1, at: [4, Int32($0)], in: []) },
      enums: unsafe list(file.pointee.enum_type, file.pointee.n_enum_type)
        .enumerated().map { unsafe enumeration($1, at: [5, Int32($0)], in: []) },
      services: try unsafe list(file.pointee.service, file.pointee.n_service)
        .enumerated().map { try unsafe service($1, at: [6, Int32($0)]) })
  }

  private func source(_ path: [Int32]) -> Source {
    let location = locations[path]
    return Source(file: self.path, line: location?.line ?? 0, comment: location?.comment ?? [])
  }

  private func fullName(_ path: [String]) -> String {
    ((package.isEmpty ? [] : [package]) + path).joined(separator: ".")
  }

  private func message(
    _ message: UnsafePointer<Google__Protobuf__DescriptorProto>, at place: [Int32],
    in parents: [String]
  ) throws -> MessageType {
    let path = unsafe parents + [text(message.pointee.name)]
    let isMapEntry = unsafe message.pointee.options.map { unsafe $0.pointee.map_entry != 0 }
    return MessageType(
      fullName: fullName(path), path: path, source: source(place), isProto2: isProto2,
      isMapEntry: isMapEntry ?? false,
      fields: try unsafe list(message.pointee.field, message.pointee.n_field)
        .enumerated().map { try unsafe field($1, at: place + [2, Int32($0)]) },
      oneofs: unsafe list(message.pointee.oneof_decl, message.pointee.n_oneof_decl)
        .enumerated().map {
          Oneof(name: unsafe text($1.pointee.name), source: source(place + [8, Int32($0)]))
        },
      messages: try unsafe list(message.pointee.nested_type, message.pointee.n_nested_type)
        .enumerated().map { try unsafe self.message($1, at: place + [3, Int32($0)], in: path) },
      enums: unsafe list(message.pointee.enum_type, message.pointee.n_enum_type)
        .enumerated().map { unsafe enumeration($1, at: place + [4, Int32($0)], in: path) })
  }

  private func field(
    _ field: UnsafePointer<Google__Protobuf__FieldDescriptorProto>, at place: [Int32]
  ) throws -> Field {
    let field = unsafe field.pointee
    let rules = try unsafe fieldRules(field.options)
    let source = source(place)
    let name = unsafe text(field.name)
    guard let kind = unsafe kind(field.type, name: text(field.type_name)) else {
      throw SchemaError(source, "field \(name) has a type that protobuf does not have")
    }
    let repeated = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED
    let isRepeated = unsafe field.label == repeated
    return unsafe Field(
      name: name, jsonName: field.json_name == nil ? jsonName(of: name) : text(field.json_name),
      number: field.number, source: source, kind: kind, encoding: encoding(field.type),
      isRepeated: isRepeated, isPacked: isRepeated && isPacked(kind, field.options),
      isRequired: field.label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED,
      isProto3Optional: field.proto3_optional != 0,
      hasDefault: field.default_value != nil,
      oneof: field.has_oneof_index != 0 ? Int(field.oneof_index) : nil,
      maxBytes: rules.maxBytes, maxCount: rules.maxCount, isSecret: rules.isSecret)
  }

  private func kind(
    _ type: Google__Protobuf__FieldDescriptorProto__Type, name: String
  ) -> Field.Kind? {
    let typeName = String(name.drop { $0 == "." })
    return switch type.rawValue {
    case 1: .double
    case 2: .float
    case 3, 16, 18: .int64
    case 4, 6: .uint64
    case 5, 15, 17: .int32
    case 7, 13: .uint32
    case 8: .bool
    case 9: .string
    case 10: .group
    case 11: .message(typeName)
    case 12: .bytes
    case 14: .enumeration(typeName)
    default: nil
    }
  }

  private func encoding(_ type: Google__Protobuf__FieldDescriptorProto__Type) -> Field.Encoding {
    switch type.rawValue {
    case 17, 18: .zigzag
    case 6, 7, 15, 16: .fixed
    default: .varint
    }
  }

  private func isPacked(
    _ kind: Field.Kind, _ options: UnsafePointer<Google__Protobuf__FieldOptions>?
  ) -> Bool {
    switch kind {
    case .string, .bytes, .message, .group: return false
    default: break
    }
    guard let options = unsafe options, unsafe options.pointee.has_packed != 0 else {
      return !isProto2
    }
    return unsafe options.pointee.packed != 0
  }

  private func enumeration(
    _ type: UnsafePointer<Google__Protobuf__EnumDescriptorProto>, at place: [Int32],
    in parents: [String]
  ) -> EnumType {
    let path = unsafe parents + [text(type.pointee.name)]
    return EnumType(
      fullName: fullName(path), path: path, source: source(place),
      values: unsafe list(type.pointee.value, type.pointee.n_value).enumerated().map {
        unsafe EnumType.Value(
          name: text($1.pointee.name), number: $1.pointee.number,
          source: source(place + [2, Int32($0)]))
      })
  }

  private func service(
    _ service: UnsafePointer<Google__Protobuf__ServiceDescriptorProto>, at place: [Int32]
  ) throws -> ServiceType {
    let name = unsafe text(service.pointee.name)
    return ServiceType(
      fullName: fullName([name]), name: name, source: source(place),
      methods: try unsafe list(service.pointee.method, service.pointee.n_method)
        .enumerated().map {
          try unsafe method($1, at: place + [2, Int32($0)], service: fullName([name]))
        })
  }

  private func method(
    _ method: UnsafePointer<Google__Protobuf__MethodDescriptorProto>, at place: [Int32],
    service: String
  ) throws -> Method {
    let method = unsafe method.pointee
    let rules = try unsafe methodRules(method.options)
    let name = unsafe text(method.name)
    let kind: Method.Kind =
      switch unsafe (method.client_streaming != 0, method.server_streaming != 0) {
      case (false, false): .unary
      case (true, false): .clientStreaming
      case (false, true): .serverStreaming
      case (true, true): .bidirectional
      }
    return unsafe Method(
      fullName: "\(service)/\(name)", name: name, source: source(place),
      input: String(text(method.input_type).drop { $0 == "." }),
      output: String(text(method.output_type).drop { $0 == "." }), kind: kind,
      scope: rules.scope, isInline: rules.isInline, isIdempotent: rules.isIdempotent)
  }
}

/// The elements of a C array of pointers.
private func list<Element>(
  _ start: UnsafeMutablePointer<UnsafeMutablePointer<Element>?>?, _ count: Int
) -> [UnsafePointer<Element>] {
  unsafe UnsafeBufferPointer(start: start, count: count).compactMap {
    unsafe $0.map { unsafe UnsafePointer($0) }
  }
}

/// A C string, empty when it is absent.
func text(_ pointer: UnsafePointer<CChar>?) -> String {
  unsafe pointer.map { unsafe String(cString: $0) } ?? ""
}

/// The name in JSON by protobuf's rule: `consent_id` is `consentId`.
private func jsonName(of name: String) -> String {
  var result = ""
  var isWordStart = false
  for character in name {
    if character == "_" {
      isWordStart = true
    } else {
      result += isWordStart ? character.uppercased() : String(character)
      isWordStart = false
    }
  }
  return result
}

/// The comment's lines without the space that follows `//`, and without empty ends.
private func commentLines(_ comment: String) -> [String] {
  var lines = comment.split(separator: "\n", omittingEmptySubsequences: false).map { line in
    var line = line.hasPrefix(" ") ? line.dropFirst() : line[...]
    while line.last?.isWhitespace == true { line.removeLast() }
    return String(line)
  }
  while lines.last?.isEmpty == true { lines.removeLast() }
  while lines.first?.isEmpty == true { lines.removeFirst() }
  return lines
}
