internal import PrivacyCore
internal import TestSupport
internal import Testing

@Suite("Identifiers")
struct IdentifierTests {
  @Test("a pid survives its text and its bytes", arguments: 0..<32)
  func pidRoundTrip(seed: UInt64) throws {
    let pid = try #require(PseudonymousID(bytes: SeededRandom(seed: seed).bytes(count: 32)))
    #expect(PseudonymousID(text: pid.description) == pid)
    #expect(PseudonymousID(text: pid.seedForm) == pid)
    #expect(PseudonymousID(bytes: pid.bytes) == pid)
    #expect(pid.description.utf8.count == 43)
  }

  @Test("pids sort as their bytes do")
  func pidOrder() {
    let random = SeededRandom(seed: 7)
    let pids = (0..<64).compactMap { _ in PseudonymousID(bytes: random.bytes(count: 32)) }
    let byBytes = pids.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    #expect(pids.sorted() == byBytes)
  }

  @Test("a pid of another length is refused", arguments: [0, 31, 33, 64])
  func pidLength(byteCount: Int) {
    #expect(PseudonymousID(bytes: [UInt8](repeating: 1, count: byteCount)) == nil)
  }

  @Test(
    "a text that is no pid is refused",
    arguments: ["", "alice@example.com", "hmac:sha256:", String(repeating: "A", count: 42) + "B"])
  func pidText(text: String) { #expect(PseudonymousID(text: text) == nil) }

  @Test("base64url has one text for each value")
  func base64Canonical() {
    #expect(Base64URL.encode([0xFF, 0xFE]) == "__4")
    #expect(Base64URL.decode("__4") == [0xFF, 0xFE])
    #expect(Base64URL.decode("__5") == nil)
    #expect(Base64URL.decode("A") == nil)
    #expect(Base64URL.decode("AA==") == nil)
    #expect(Base64URL.decode("") == [])
  }

  @Test("hexadecimal refuses odd lengths and other characters")
  func hexadecimal() {
    #expect(Hexadecimal.encode([0, 0xAB, 0xFF]) == "00abff")
    #expect(Hexadecimal.decode("00ABff") == [0, 0xAB, 0xFF])
    #expect(Hexadecimal.decode("0") == nil)
    #expect(Hexadecimal.decode("0g") == nil)
  }

  @Test("ULIDs sort by time and carry their prefix")
  func consentIDs() throws {
    let random = SeededRandom(seed: 3)
    let early = ConsentID(at: Timestamp(seconds: 1_000), random: random)
    let late = ConsentID(at: Timestamp(seconds: 1_001), random: random)
    #expect(early < late)
    #expect(ConsentID(text: early.description) == early)
    #expect(ConsentID(text: "c_01HZXJ") == nil)
    #expect(ConsentID(text: String(early.description.dropFirst(2))) == nil)
    #expect(ULID(text: "81ARZ3NDEKTSV4RRFFQ69G5FAV") == nil)
    #expect(ULID(text: "01ARZ3NDEKTSV4RRFFQ69G5FAV") != nil)
    #expect(ULID(text: "01ARZ3NDEKTSV4RRFFQ69G5FAU") == nil)
  }

  @Test("a name has 1 to 64 characters of the name alphabet")
  func names() {
    #expect(Scope("product_recs")?.description == "product_recs")
    #expect(Scope(String(repeating: "a", count: 64)) != nil)
    #expect(Scope(String(repeating: "a", count: 65)) == nil)
    for text in ["", "Product", "1st", "a b", "é", "a@b"] { #expect(Scope(text) == nil) }
  }
}
