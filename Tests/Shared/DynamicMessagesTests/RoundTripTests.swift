import DynamicMessages
import PrivacyCore
import TestSupport
import Testing
import WireFormat
import WireTestSupport

@Suite("Messages of a schema that is read when the program runs")
struct RoundTripTests {
  @Test("random messages survive the way to JSON and back", arguments: 0..<300)
  func random(seed: UInt64) throws {
    let codec = try makeCodec()
    let message = EveryKind.random(SeededRandom(seed: seed))
    let style = JSONStyle(showsAll: seed.isMultiple(of: 2), showsSecrets: true)
    let json = try codec.json(unpacking: message.packed(), as: everyKind, style: style)
    let text = seed.isMultiple(of: 3) ? json.line : json.document
    let bytes = try codec.pack(json: JSONParser.parse(text), as: everyKind)
    #expect(try EveryKind(packed: bytes) == message)
  }

  @Test("what is packed here is what protobuf-c packs", arguments: 0..<50)
  func sameBytes(seed: UInt64) throws {
    let codec = try makeCodec()
    let message = EveryKind.random(SeededRandom(seed: seed))
    let bytes = try codec.pack(codec.unpack(message.packed(), as: everyKind))
    #expect(bytes == message.packed())
  }

  @Test("bytes cut off anywhere or changed anywhere are read or refused, never more")
  func hostileBytes() throws {
    let codec = try makeCodec()
    let random = SeededRandom(seed: 7)
    let whole = EveryKind.random(SeededRandom(seed: 3)).packed()
    for end in stride(from: 0, to: whole.count, by: 7) {
      _ = try? codec.json(unpacking: Array(whole[..<end]), as: everyKind)
    }
    for _ in 0..<2_000 {
      var bytes = whole
      for _ in 0..<3 {
        bytes[Int(random.word() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.word())
      }
      _ = try? codec.json(unpacking: bytes, as: everyKind)
    }
  }

  @Test("JSON cut off anywhere or changed anywhere is read or refused, never more")
  func hostileJSON() throws {
    let codec = try makeCodec()
    let random = SeededRandom(seed: 8)
    let message = EveryKind.random(SeededRandom(seed: 4))
    let whole = Array(try codec.json(unpacking: message.packed(), as: everyKind).line.utf8)
    for end in stride(from: 0, to: whole.count, by: 11) {
      #expect(throws: DynamicMessageError.self) { try JSONParser.parse(Array(whole[..<end])) }
    }
    for _ in 0..<1_000 {
      var text = whole
      for _ in 0..<3 {
        text[Int(random.word() % UInt64(text.count))] = UInt8(truncatingIfNeeded: random.word())
      }
      if let json = try? JSONParser.parse(text) { _ = try? codec.pack(json: json, as: everyKind) }
    }
  }
}
