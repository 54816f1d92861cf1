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
  func text(_ number: Int32, _ text: String) -> [UInt8] { packed(number, Array(text.utf8)) }
  func number(_ number: Int32, _ value: UInt8) -> [UInt8] { [UInt8(number << 3), value] }
  func field(_ name: String, _ place: UInt8, label: UInt8) -> [UInt8] {
    packed(
      2, text(1, name) + number(3, place) + number(4, label) + number(5, 11) + text(6, ".t.Node"))
  }
  let node =
    text(1, "Node") + field("next", 1, label: 1) + field("more", 2, label: 3)
  let file = text(1, "t.proto") + text(2, "t") + packed(4, node) + text(12, "proto3")
  return MessageCodec(try SchemaCatalog(descriptorSet: packed(1, file)))
}
