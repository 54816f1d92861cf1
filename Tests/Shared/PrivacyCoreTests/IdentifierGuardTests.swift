internal import PrivacyCore
internal import Testing

@Suite("The identifier guard")
struct IdentifierGuardTests {
  @Test(
    "values with an e-mail address are refused",
    arguments: [
      "alice@example.com", "write to <bob@mail.example.org>, please", "a@b.c", "x@y@z.de",
    ])
  func emailAddresses(text: String) { #expect(IdentifierGuard.finding(in: text) == .emailAddress) }

  @Test(
    "values that are a telephone number are refused",
    arguments: [
      "+49 30 1234567", "+14155550123", "030 12345678", "(020) 7946-0958", "0049301234567",
    ])
  func telephoneNumbers(text: String) {
    #expect(IdentifierGuard.finding(in: text) == .telephoneNumber)
  }

  @Test(
    "ordinary values pass",
    arguments: [
      "", "85123A", "WHITE HANGING HEART T-LIGHT HOLDER", "2010-12-01 08:26:00", "2.55", "17850",
      "United Kingdom", "@ 2 for 1.50", "price@ 1.25", "1234567890123456", "+1 2", "user@localhost",
      "536365", "20101201",
    ])
  func ordinary(text: String) { #expect(IdentifierGuard.finding(in: text) == nil) }

  @Test("a telephone number has 8 to 15 digits after the plus", arguments: [7, 8, 15, 16])
  func digitCount(count: Int) {
    let text = "+" + String(repeating: "1", count: count)
    #expect((IdentifierGuard.finding(in: text) != nil) == (8...15).contains(count))
  }

  @Test("a redacted value never prints")
  func redacted() {
    let secret = Redacted("alice@example.com")
    var dumped = ""
    dump(secret, to: &dumped)
    #expect(!"\(secret) \(String(reflecting: secret)) \(dumped)".contains("alice"))
    #expect(secret.unredactedValue == "alice@example.com")
  }
}
