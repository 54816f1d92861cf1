internal import PrivacyCore
internal import Testing

@Suite("Base64")
struct Base64Tests {
  // RFC 4648, section 10, and the two characters that differ from base64url.
  @Test(
    "the published values encode and decode",
    arguments: [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
      ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
  func published(plain: String, text: String) {
    #expect(Base64.encode(Array(plain.utf8)) == text)
    #expect(Base64.decode(text) == Array(plain.utf8))
  }

  @Test("the last two characters of the alphabet are + and /")
  func alphabet() {
    #expect(Base64.encode([0xFB, 0xEF, 0xFF]) == "++//")
    #expect(Base64.decode("++//") == [0xFB, 0xEF, 0xFF])
  }

  @Test(
    "missing, superfluous or misplaced padding, other characters and spare bits are refused",
    arguments: [
      "Zg", "Zg=", "Zg===", "=Zg=", "Z=g=", "Zm9v====", "Z===", "--__", "Zm9 ", "Zh==", "Zm9=",
      "Zm9v\n", "é===",
    ])
  func refused(text: String) { #expect(Base64.decode(text) == nil) }
}
