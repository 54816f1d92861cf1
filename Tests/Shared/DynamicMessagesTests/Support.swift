import DynamicMessages
import SchemaModel
import WireTestSupport

/// The codec of the tests' schemas.
let everyKind = "tacit.testing.v1.EveryKind"

func makeCodec(_ limits: DynamicLimits = DynamicLimits()) throws -> MessageCodec {
  MessageCodec(
    try SchemaCatalog(descriptorSet: EmbeddedTestingSchema.descriptorSet), limits: limits)
}

extension MessageCodec {
  /// Reads one JSON text and gives it as it is printed afterwards.
  func echo(
    _ text: String, as name: String = everyKind, style: JSONStyle = JSONStyle()
  ) throws -> String {
    try json(unpacking: pack(json: JSONParser.parse(text), as: name), as: name, style: style).line
  }
}

/// A field of a packed message.
func packed(_ number: Int32, _ content: [UInt8]) -> [UInt8] { WireWriter.field(number, content) }

/// A schema whose message holds itself: `message Node { Node next = 1; repeated Node more = 2; }`.
/// The house refuses such schemas, another program might send one.
func makeRecursiveCodec() throws -> MessageCodec {
  try makeCodec(
    message("Node", field("next", 1, of: "Node") + field("more", 2, of: "Node", label: 3)))
}

/// A schema of messages that hold the next one twice each.
func makeMultiplyingCodec(levels: Int) throws -> MessageCodec {
  let messages = (0..<levels).map { level in
    message(
      "M\(level)",
      field("a", 1, of: "M\(level + 1)") + field("b", 2, of: "M\(level + 1)"))
  }
  return try makeCodec(messages.flatMap(\.self) + message("M\(levels)", []))
}

// The parts of a packed google.protobuf.FileDescriptorSet.

private func text(_ number: Int32, _ text: String) -> [UInt8] { packed(number, Array(text.utf8)) }

private func field(_ name: String, _ place: UInt8, of type: String, label: UInt8 = 1) -> [UInt8] {
  packed(2, text(1, name) + [0x18, place, 0x20, label, 0x28, 11] + text(6, ".t.\(type)"))
}

private func message(_ name: String, _ fields: [UInt8]) -> [UInt8] {
  packed(4, text(1, name) + fields)
}

private func makeCodec(_ messages: [UInt8]) throws -> MessageCodec {
  let file = text(1, "t.proto") + text(2, "t") + messages + text(12, "proto3")
  return MessageCodec(try SchemaCatalog(descriptorSet: packed(1, file)))
}
