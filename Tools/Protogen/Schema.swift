/// One `.proto` file, as far as Swift is written from it.
struct SchemaFile {
  var path: String
  var package: String
  var imports: [String]
  var messages: [MessageType]
  var enums: [EnumType]
  var services: [ServiceType]

  /// Every message of the file, nested ones after the one they stand in.
  var allMessages: [MessageType] { messages.flatMap(\.withNested) }
  /// Every enum of the file.
  var allEnums: [EnumType] { enums + allMessages.flatMap(\.enums) }
}

/// Where something stands in a schema, for error messages, and what is written above it.
struct Source {
  var file: String
  var line: Int
  /// The lines of its comment; none when it has no comment.
  var comment: [String]

  var place: String { "\(file):\(line)" }
}

struct MessageType {
  /// The name with its package: `tacit.consent.v1.GrantRequest`.
  var fullName: String
  /// The names below the package, outermost first.
  var path: [String]
  var source: Source
  var isProto2: Bool
  var isMapEntry: Bool
  var fields: [Field]
  var oneofs: [Oneof]
  var messages: [MessageType]
  var enums: [EnumType]

  var name: String { path[path.count - 1] }
  var withNested: [MessageType] { [self] + messages.flatMap(\.withNested) }
}

struct Oneof {
  var name: String
  var source: Source
}

struct Field {
  enum Kind: Equatable {
    case bool, int32, int64, uint32, uint64, float, double, string, bytes
    case enumeration(String)
    case message(String)
    case group
  }

  var name: String
  var number: Int32
  var source: Source
  var kind: Kind
  var isRepeated: Bool
  var isRequired: Bool
  var isProto3Optional: Bool
  var hasDefault: Bool
  /// The place of its oneof in the message's list.
  var oneof: Int?
  var maxBytes: UInt32?
  var maxCount: UInt32?
  var isSecret: Bool
}

struct EnumType {
  struct Value {
    var name: String
    var number: Int32
    var source: Source
  }

  var fullName: String
  var path: [String]
  var source: Source
  var values: [Value]

  var name: String { path[path.count - 1] }
}

struct ServiceType {
  var fullName: String
  var name: String
  var source: Source
  var methods: [Method]
}

struct Method {
  enum Kind: String {
    case unary, clientStreaming, serverStreaming, bidirectional
  }

  /// The full name, `tacit.consent.v1.Consent/Grant`: the text that the id is made of.
  var fullName: String
  var name: String
  var source: Source
  var input: String
  var output: String
  var kind: Kind
  var scope: String?
  var isInline: Bool
  var isIdempotent: Bool

  /// The id on the wire: FNV-1a, 32 bits, of the full name.
  var id: UInt32 {
    fullName.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }
}

/// What is wrong with a schema, with file and line.
struct SchemaError: Error, CustomStringConvertible {
  var description: String

  init(_ source: Source, _ problem: String) { description = "\(source.place): error: \(problem)" }
  init(_ problem: String) { description = "error: \(problem)" }
}
