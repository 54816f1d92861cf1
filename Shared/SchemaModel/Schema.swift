/// One `.proto` file, as far as Swift is written from it and messages are read by it.
package struct SchemaFile: Sendable {
  /// The file's path below the schemas' root.
  package var path: String
  /// Its package: `tacit.consent.v1`.
  package var package: String
  /// The paths of the files it imports.
  package var imports: [String]
  /// Its messages, without those that stand in others.
  package var messages: [MessageType]
  /// Its enums, without those that stand in messages.
  package var enums: [EnumType]
  /// Its services.
  package var services: [ServiceType]

  /// Every message of the file, nested ones after the one they stand in.
  package var allMessages: [MessageType] { messages.flatMap(\.withNested) }
  /// Every enum of the file.
  package var allEnums: [EnumType] { enums + allMessages.flatMap(\.enums) }
}

/// Where something stands in a schema, for error messages, and what is written above it.
package struct Source: Hashable, Sendable {
  /// The file's path.
  package var file: String
  /// The line, from 1; 0 where it is not known.
  package var line: Int
  /// The lines of its comment; none when it has no comment.
  package var comment: [String]

  package var place: String { "\(file):\(line)" }
}

package struct MessageType: Sendable {
  /// The name with its package: `tacit.consent.v1.GrantRequest`.
  package var fullName: String
  /// The names below the package, outermost first.
  package var path: [String]
  package var source: Source
  package var isProto2: Bool
  package var isMapEntry: Bool
  package var fields: [Field]
  package var oneofs: [Oneof]
  package var messages: [MessageType]
  package var enums: [EnumType]

  package var name: String { path[path.count - 1] }
  package var withNested: [MessageType] { [self] + messages.flatMap(\.withNested) }
}

package struct Oneof: Hashable, Sendable {
  package var name: String
  package var source: Source
}

package struct Field: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case bool, int32, int64, uint32, uint64, float, double, string, bytes
    case enumeration(String)
    case message(String)
    case group
  }

  /// How a whole number stands on the wire.
  package enum Encoding: Hashable, Sendable {
    case varint, zigzag, fixed
  }

  package var name: String
  /// The name in JSON: `consent_id` is `consentId`.
  package var jsonName: String
  package var number: Int32
  package var source: Source
  package var kind: Kind
  package var encoding: Encoding
  package var isRepeated: Bool
  /// Whether the elements of a repeated field are written in one piece.
  package var isPacked: Bool
  package var isRequired: Bool
  package var isProto3Optional: Bool
  package var hasDefault: Bool
  /// The place of its oneof in the message's list.
  package var oneof: Int?
  package var maxBytes: UInt32?
  package var maxCount: UInt32?
  package var isSecret: Bool
}

package struct EnumType: Sendable {
  package struct Value: Hashable, Sendable {
    package var name: String
    package var number: Int32
    package var source: Source
  }

  package var fullName: String
  package var path: [String]
  package var source: Source
  package var values: [Value]

  package var name: String { path[path.count - 1] }
}

package struct ServiceType: Sendable {
  package var fullName: String
  package var name: String
  package var source: Source
  package var methods: [Method]
}

package struct Method: Hashable, Sendable {
  package enum Kind: String, Sendable {
    case unary, clientStreaming, serverStreaming, bidirectional
  }

  /// The full name, `tacit.consent.v1.Consent/Grant`: the text that the id is made of.
  package var fullName: String
  package var name: String
  package var source: Source
  package var input: String
  package var output: String
  package var kind: Kind
  package var scope: String?
  package var isInline: Bool
  package var isIdempotent: Bool

  /// The id on the wire: FNV-1a, 32 bits, of the full name.
  package var id: UInt32 {
    fullName.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }
}

/// What is wrong with a schema, with file and line where they are known.
package struct SchemaError: Error, CustomStringConvertible {
  package var description: String

  package init(_ source: Source, _ problem: String) {
    description = "\(source.place): error: \(problem)"
  }
  package init(_ problem: String) { description = "error: \(problem)" }
}
