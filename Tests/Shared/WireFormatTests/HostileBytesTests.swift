import PrivacyCore
import TestSupport
import Testing
import WireFormat
import WireTestSupport

@Suite("Bytes from outside")
struct HostileBytesTests {
  @Test("cut at any byte are refused or read as a shorter message, and never trap")
  func truncation() throws {
    let packed = EveryKind.random(SeededRandom(seed: 7)).packed()
    for byteCount in 0..<packed.count {
      _ = try? EveryKind(packed: Array(packed[..<byteCount]))
    }
    #expect(throws: WireError.malformed(message: "tacit.testing.v1.EveryKind")) {
      try EveryKind(packed: packed.dropLast())
    }
  }

  @Test("that are noise never trap", arguments: 0..<20 as Range<UInt64>)
  func noise(seed: UInt64) {
    let random = SeededRandom(seed: seed)
    for _ in 0..<200 {
      let bytes = random.bytes(count: Int(random.word() % 300))
      _ = try? EveryKind(packed: bytes)
      _ = try? Frame(packed: bytes)
      _ = unsafe bytes.withUnsafeBytes { unsafe try? FrameCodec.read($0) }
    }
  }

  @Test("that are messages with a few bytes changed never trap", arguments: 0..<20 as Range<UInt64>)
  func mutations(seed: UInt64) {
    let random = SeededRandom(seed: seed)
    let packed = EveryKind.random(random).packed()
    for _ in 0..<200 {
      var bytes = packed
      for _ in 0..<(1 + random.word() % 4) where !bytes.isEmpty {
        bytes[Int(random.word() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.word())
      }
      _ = try? EveryKind(packed: bytes)
    }
  }

  @Test("with a text that is not UTF-8 are refused by the field's name")
  func badUTF8() {
    for text: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0x61, 0xE2, 0x82]] {
      #expect(throws: WireError.invalidText(field: "EveryKind.default")) {
        try EveryKind(packed: field(19, text))
      }
    }
  }

  @Test("with a NUL anywhere in a text are refused by the field's name")
  func nulInText() {
    for text: [UInt8] in [[0], [0x61, 0], [0, 0x61], [0x61, 0, 0x62]] {
      #expect(throws: WireError.invalidText(field: "EveryKind.default")) {
        try EveryKind(packed: field(19, text))
      }
      #expect(throws: WireError.invalidText(field: "EveryKind.texts")) {
        try EveryKind(packed: field(34, text))
      }
      #expect(throws: WireError.invalidText(field: "EveryKind.choice_text")) {
        try EveryKind(packed: field(41, text))
      }
      #expect(throws: WireError.invalidText(field: "EveryKind.Leaf.text")) {
        try EveryKind(packed: field(18, [0x0A, UInt8(text.count)] + text))
      }
    }
  }

  @Test("never hold a NUL that we wrote: it goes out as U+FFFD")
  func nulWritten() throws {
    let read = try EveryKind(packed: EveryKind(text: "a\0b").packed())
    #expect(read.text == "a\u{FFFD}b")
  }

  @Test("pass a field's limit in bytes up to the limit and not one further")
  func maxBytes() throws {
    #expect(try EveryKind(packed: field(14, filled(40))).text.utf8.count == 40)
    #expect(throws: WireError.tooManyBytes(field: "EveryKind.text", count: 41, limit: 40)) {
      try EveryKind(packed: field(14, filled(41)))
    }
    #expect(try EveryKind(packed: field(15, filled(8))).secretBytes.count == 8)
    #expect(throws: WireError.tooManyBytes(field: "EveryKind.secret_bytes", count: 9, limit: 8)) {
      try EveryKind(packed: field(15, filled(9)))
    }
    #expect(throws: WireError.tooManyBytes(field: "EveryKind.texts", count: 6, limit: 5)) {
      try EveryKind(packed: field(34, filled(5)) + field(34, filled(6)))
    }
  }

  @Test("pass a field's limit in elements up to the limit and not one further")
  func maxCount() throws {
    let three = EveryKind(texts: ["a", "b", "c"]).packed()
    #expect(try EveryKind(packed: three).texts.count == 3)
    #expect(throws: WireError.tooManyElements(field: "EveryKind.texts", count: 4, limit: 3)) {
      try EveryKind(packed: three + field(34, [0x64]))
    }
  }

  /// A field with a length, as protobuf writes it; short ones only.
  private func field(_ number: Int, _ value: [UInt8]) -> [UInt8] {
    let key = number << 3 | 2
    let head = key < 128 ? [UInt8(key)] : [UInt8(key & 127 | 128), UInt8(key >> 7)]
    return head + [UInt8(value.count)] + value
  }

  private func filled(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x61, count: count) }
}
