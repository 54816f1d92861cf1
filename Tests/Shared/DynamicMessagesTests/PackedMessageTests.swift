import DynamicMessages
import Testing
import WireFormat
import WireTestSupport

@Suite("Messages as bytes")
struct PackedMessageTests {
  @Test("keep their bytes")
  func bytes() throws {
    let leaf = EveryKind.Leaf(text: "a leaf", number: -7)
    let message = try PackedMessage(packed: leaf.packed())
    #expect(message.packed() == leaf.packed())
    #expect(message.withPacked { $0.count } == leaf.packed().count)
    #expect(try EveryKind.Leaf(packed: message.bytes) == leaf)
  }
}
