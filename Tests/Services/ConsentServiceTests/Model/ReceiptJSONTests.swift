import ConsentAPI
import ConsentFormats
import ConsentService
import PrivacyCore
import TestSupport
import Testing

@Suite("The JSON form of a receipt")
struct ReceiptJSONTests {
  private let line = Example.line(1)

  private func refusal(_ line: String) -> String? {
    do throws(ReceiptRefusal) {
      _ = try ReceiptJSON.draft(line)
      return nil
    } catch {
      return error.description
    }
  }

  @Test("a line is read field by field")
  func reads() throws {
    let draft = try ReceiptJSON.draft(line)
    #expect(draft.consentID == Example.id(1))
    #expect(draft.pid == Example.pid(1))
    #expect(draft.kind == .grant)
    #expect(draft.scopes == ["product_recs"])
    #expect(draft.grantedAt == Timestamp(rfc3339: "2026-01-10T12:34:56Z"))
    #expect(draft.expiresAt == Timestamp(rfc3339: "2028-01-10T12:34:56Z"))
    #expect(draft.source == "web-portal:v2")
    #expect(draft.version == 2)
  }

  @Test("what is written is what was read", arguments: [ReceiptKind.grant, .withdrawal, .erasure])
  func roundTrip(kind: ReceiptKind) throws {
    var receipt = Example.receipt(
      3, kind: kind, scopes: kind == .erasure ? [] : ["product_recs", "analytics"])
    receipt.source = "a \"quoted\" back\\slash, ünïcode 🙂"
    receipt.grantedAtUs += 120
    let written = ReceiptJSON.line(receipt)
    let draft = try ReceiptJSON.draft(written)
    #expect(draft.asksFor(receipt))
    #expect(draft.consentID?.description == receipt.consentID)
    #expect(draft.kind.receiptKind == kind)
    #expect(draft.grantedAt?.microseconds == receipt.grantedAtUs)
    #expect(draft.source == receipt.source)
  }

  @Test("a grant is written exactly in the documented form")
  func writesTheDocumentedForm() throws {
    let draft = try ReceiptJSON.draft(line)
    let receipt = Receipt(
      consentID: Example.id(1).description, pid: draft.pid.bytes, scopes: draft.scopes,
      grantedAtUs: draft.grantedAt?.microseconds ?? 0,
      expiresAtUs: draft.expiresAt?.microseconds ?? 0, source: draft.source,
      version: draft.version, kind: .grant, recordedAtUs: 1, sequence: 9)
    #expect(ReceiptJSON.line(receipt) == line)
  }

  @Test("white space, escapes and offsets are taken as JSON and RFC 3339 have them")
  func tolerance() throws {
    let loose =
      line
      .replacing(":\"web-portal:v2\"", with: " : \"web\\u002Dportal:v2\"")
      .replacing("\"2026-01-10T12:34:56Z\"", with: "\"2026-01-10T14:34:56+02:00\"")
      .replacing(",\"version\"", with: ",\r\n\t \"version\"")
    #expect(try ReceiptJSON.draft("  \(loose)  ") == ReceiptJSON.draft(line))
  }

  @Test(
    "surrogate pairs and short escapes are read",
    arguments: [
      ("\\ud83d\\ude42", "🙂"), ("\\n\\t\\r\\b\\f\\/\\\\\\\"", "\n\t\r\u{8}\u{C}/\\\""),
      ("\\u00e9", "é"),
    ])
  func escapes(escaped: String, text: String) throws {
    let draft = try ReceiptJSON.draft(line.replacing("web-portal:v2", with: escaped))
    #expect(draft.source == text)
  }

  static let malformed: [(change: String, to: String, reason: String)] = [
    ("{", "", "expected {"),
    ("}", "", "expected }"),
    ("}", "}}", "something follows"),
    ("}", ",}", "expected \""),
    ("\"version\":2", "\"version\":2,\"version\":2", "the field version stands there twice"),
    ("\"version\":2", "\"version\":\"2\"", "whole number"),
    ("\"version\":2", "\"version\":2.5", "whole number"),
    ("\"version\":2", "\"version\":2e3", "whole number"),
    ("\"version\":2", "\"version\":-2", "whole number"),
    ("\"version\":2", "\"version\":02", "version is not a whole number"),
    ("\"version\":2", "\"version\":4294967296", "version is not a whole number"),
    ("\"version\":2", "\"version\":null", "whole number"),
    ("\"version\":2", "\"version\":2,\"email\":\"x\"", "the field email is not known"),
    ("\"version\":2", "\"version\":2,\"A B\":\"x\"", "an unknown field"),
    (",\"version\":2", "", "the field version is missing"),
    (",\"source\":\"web-portal:v2\"", "", "the field source is missing"),
    ("\"scopes\":[\"product_recs\"],", "", "the field scopes is missing"),
    ("\"scopes\":[\"product_recs\"]", "\"scopes\":\"product_recs\"", "expected ["),
    ("\"scopes\":[\"product_recs\"]", "\"scopes\":[\"product_recs\",]", "expected \""),
    ("\"scopes\":[\"product_recs\"]", "\"scopes\":[1]", "expected \""),
    ("\"consent_id\":\"c_", "\"consent_id\":\"x_", "the consent id is malformed"),
    ("hmac:sha256:", "sha256:", "the pid is malformed"),
    ("hmac:sha256:", "hmac:sha256:A", "the pid is malformed"),
    ("hmac:sha256:", "", "the pid is malformed"),
    (
      "\"granted_at\":\"2026-01-10T12:34:56Z\"", "\"granted_at\":\"2026-01-10\"",
      "granted_at is not"
    ),
    (
      "\"granted_at\":\"2026-01-10T12:34:56Z\"", "\"granted_at\":\"2026-02-30T12:34:56Z\"",
      "granted_at is not"
    ),
    (
      "\"granted_at\":\"2026-01-10T12:34:56Z\"", "\"granted_at\":\"2026-01-10T12:34:56.000\"",
      "granted_at is not"
    ),
    ("\"granted_at\":\"2026-01-10T12:34:56Z\"", "\"granted_at\":1768048496", "expected \""),
    ("\"granted_at\":\"2026-01-10T12:34:56Z\",", "", "the field granted_at is missing"),
    (",\"expires_at\":\"2028-01-10T12:34:56Z\"", "", "no expiry"),
    ("2028-01-10T12:34:56Z", "soon", "expires_at is not"),
    ("\"version\":2", "\"version\":2,\"kind\":\"refusal\"", "kind is not one of grant"),
    ("web-portal:v2", "\\x", "unknown escape"),
    ("web-portal:v2", "\\u12", "four hexadecimal"),
    ("web-portal:v2", "\\ud83d", "half a surrogate"),
    ("web-portal:v2", "\\ude42", "half a surrogate"),
    ("web-portal:v2", "\\ud83d\\u0041", "half a surrogate"),
    ("web-portal:v2", "a\tb", "control character"),
    ("web-portal:v2\"", "web", "expected }"),
  ]

  @Test("a malformed line is refused with the reason", arguments: malformed)
  func refuses(change: String, to: String, reason: String) throws {
    let broken = line.replacing(change, with: to)
    try #require(broken != line)
    let text = try #require(refusal(broken))
    #expect(text.contains(reason), "it says: \(text)")
  }

  @Test("a line cut at any byte is refused and never read as something else")
  func truncation() {
    for count in 0..<line.utf8.count {
      #expect(refusal(String(decoding: Array(line.utf8.prefix(count)), as: UTF8.self)) != nil)
    }
  }

  @Test("a refusal never repeats the line's values")
  func refusalsAreSilent() throws {
    for text in ["ann@example.com", "\"ann@example.com\":1", "{\"ann@example.com\":1}"] {
      #expect(try !#require(refusal(text)).contains("ann"))
    }
  }

  @Test("a line may be as long as the limit and no longer")
  func lineLimit() throws {
    let room = ReceiptLimits.lineByteCountMax - line.utf8.count
    #expect(refusal(line + String(repeating: " ", count: room)) == nil)
    let text = try #require(refusal(line + String(repeating: " ", count: room + 1)))
    #expect(text.contains("longer than"))
  }

  @Test("a withdrawal that names no scope is refused: only a caller can mean all")
  func emptyWithdrawal() throws {
    let text = ReceiptJSON.line(Example.receipt(1, kind: .withdrawal, scopes: []))
    #expect(refusal(text) == ReceiptRefusal.noScopes.description)
  }
}
