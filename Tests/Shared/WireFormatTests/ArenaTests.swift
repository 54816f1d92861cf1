import Testing
import WireFormat
import WireTestSupport

@Suite("The memory of unpacking")
struct ArenaTests {
  @Test("is capped: a megabyte of empty messages is refused")
  func crowdOfNothings() {
    let bytes = [[UInt8]](repeating: [0x12, 0x00], count: 1 << 19).flatMap(\.self)
    let limit = 16 * bytes.count + 64 << 10
    #expect(throws: WireError.tooLarge(message: "tacit.testing.v1.Crowd", limit: limit)) {
      try Crowd(packed: bytes)
    }
  }

  @Test("suffices for lists of small records")
  func crowdOfRecords() throws {
    let crowd = Crowd(leaves: (0..<20_000).map { .init(text: "\($0)", number: $0) })
    #expect(try Crowd(packed: crowd.packed()) == crowd)
  }

  @Test("is refused below what a message needs and granted above")
  func bothSides() throws {
    let packed = EveryKind(default: "a text of some length").packed()
    var least = 0
    while (try? EveryKind(packed: packed, limit: UnpackLimit(byteCount: least))) == nil {
      least += 1
      try #require(least < 10_000)
    }
    #expect(throws: WireError.tooLarge(message: "tacit.testing.v1.EveryKind", limit: least - 1)) {
      try EveryKind(packed: packed, limit: UnpackLimit(byteCount: least - 1))
    }
    #expect(throws: Never.self) {
      try EveryKind(packed: packed, limit: UnpackLimit(byteCount: least + 1))
    }
  }

  @Test("may be nothing at all, or a negative number that counts as nothing")
  func nothing() {
    for byteCount in [0, -1, .min] {
      #expect(throws: WireError.tooLarge(message: "tacit.testing.v1.Nothing", limit: 0)) {
        try Nothing(packed: [], limit: UnpackLimit(byteCount: byteCount))
      }
    }
  }

  @Test("is not asked for by a length that the bytes do not have")
  func lyingLength() {
    // Field 19, said to be almost 4 GiB long.
    #expect(throws: WireError.malformed(message: "tacit.testing.v1.EveryKind")) {
      try EveryKind(packed: [0x9A, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x61])
    }
  }
}
