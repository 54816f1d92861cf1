import PrivacyCore
import TestSupport
import Testing
import WireFormat
import WireTestSupport

@Suite("A message")
struct WireMessageTests {
  @Test("comes back as it was, with every kind of field", arguments: 0..<200 as Range<UInt64>)
  func roundTrip(seed: UInt64) throws {
    let message = EveryKind.random(SeededRandom(seed: seed))
    let packed = message.packed()
    #expect(try EveryKind(packed: packed) == message)
    #expect(message.withPacked { unsafe Array($0) } == packed)
  }

  @Test("that is empty takes no bytes and comes back")
  func empty() throws {
    #expect(EveryKind().packed().isEmpty)
    #expect(try EveryKind(packed: []) == EveryKind())
    #expect(try Nothing(packed: []) == Nothing())
    #expect(Nothing.messageName == "tacit.testing.v1.Nothing")
  }

  @Test("keeps the values at the ends of its ranges")
  func extremes() throws {
    for bounds in [(Int32.min, Int64.min), (Int32.max, Int64.max), (-1, -1)] {
      let message = EveryKind(
        int32Value: bounds.0, sint32Value: bounds.0, sfixed32Value: bounds.0,
        uint32Value: UInt32(bitPattern: bounds.0), int64Value: bounds.1, sint64Value: bounds.1,
        sfixed64Value: bounds.1, uint64Value: UInt64(bitPattern: bounds.1),
        floatValue: .infinity, doubleValue: -.greatestFiniteMagnitude)
      #expect(try EveryKind(packed: message.packed()) == message)
    }
  }

  @Test("keeps a chosen member of a oneof even where it holds zero or nothing")
  func oneofWithZero() throws {
    for choice: EveryKind.Choice in [
      .choiceNumber(0), .choiceText(""), .choiceLeaf(.init()), .choiceColor(.unspecified),
    ] {
      let message = EveryKind(choice: choice)
      #expect(try EveryKind(packed: message.packed()) == message)
    }
  }

  @Test("keeps an enum's number that this build does not know")
  func unknownEnumNumber() throws {
    let message = EveryKind(color: .unrecognized(99), colors: [.unrecognized(5), .green])
    #expect(try EveryKind(packed: message.packed()) == message)
    #expect(Color(rawValue: 700) == .green)
  }

  @Test("with fields this build does not know is read without them")
  func unknownFields() throws {
    let packed = Crowd(leaves: [.init(text: "a", number: 1)]).packed()
    #expect(try Nothing(packed: packed) == Nothing())
  }

  @Test("takes the last of a repeated single field, and merges repeated parts")
  func concatenation() throws {
    let first = EveryKind(text: "first", leaf: .init(text: "kept"), texts: ["a"])
    let second = EveryKind(text: "second", leaf: .init(number: 2), texts: ["b"])
    let merged = try EveryKind(packed: first.packed() + second.packed())
    #expect(
      merged == EveryKind(text: "second", leaf: .init(text: "kept", number: 2), texts: ["a", "b"]))
  }

  @Test("never prints what the schema calls secret")
  func secretsAreNotPrinted() {
    let message = EveryKind(text: "shown", secretBytes: [201, 202])
    for text in ["\(message)", String(reflecting: message)] {
      #expect(text.contains("shown"))
      #expect(!text.contains("201"))
    }
  }

  @Test("of a megabyte of floats comes back")
  func bigList() throws {
    let message = EveryKind(floats: (0..<262_144).map(Float.init))
    #expect(try EveryKind(packed: message.packed()) == message)
  }
}
