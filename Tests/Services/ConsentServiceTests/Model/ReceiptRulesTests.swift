import ConsentAPI
import ConsentService
import PrivacyCore
import TestSupport
import Testing

@Suite("What every receipt must fulfil")
struct ReceiptRulesTests {
  private let rules = ReceiptRules(scopes: ConsentConfiguration().scopes)

  private func refusal(_ draft: ReceiptDraft) -> ReceiptRefusal? {
    do throws(ReceiptRefusal) {
      try rules.check(draft, now: Example.now)
      return nil
    } catch {
      return error
    }
  }

  private func refusal(_ change: (inout ReceiptDraft) -> Void) -> ReceiptRefusal? {
    var draft = Example.draft()
    change(&draft)
    return refusal(draft)
  }

  @Test("a complete grant passes")
  func passes() { #expect(refusal(Example.draft()) == nil) }

  @Test("an unknown scope is refused and the known ones are named")
  func unknownScope() throws {
    let refusal = try #require(refusal { $0.scopes = ["product_recs", "telepathy"] })
    #expect(refusal.description.contains("telepathy"))
    #expect(refusal.description.contains("product_recs, analytics, personalization_geo, marketing"))
  }

  @Test("a scope that is no name is refused without being repeated")
  func malformedScope() {
    #expect(refusal { $0.scopes = ["ann@example.com"] } == .malformedScope)
  }

  @Test("scopes are required, once each, up to the limit")
  func scopeCount() {
    #expect(refusal { $0.scopes = [] } == .noScopes)
    #expect(refusal { $0.scopes = ["marketing", "marketing"] } == .scopeNamedTwice("marketing"))
    let many = (0..<65).compactMap { Scope("s\($0)") }
    let wide = ReceiptRules(scopes: many)
    #expect(throws: Never.self) { try wide.checkScopes(many.prefix(64).map(\.description)) }
    #expect(throws: ReceiptRefusal.tooManyScopes(limit: 64)) {
      try wide.checkScopes(many.map(\.description))
    }
  }

  @Test("a grant needs an expiry after its beginning")
  func expiry() {
    #expect(refusal { $0.expiresAt = nil } == .noExpiry)
    #expect(refusal { $0.expiresAt = Example.now } == .expiryNotAfterGrant)
    #expect(refusal { $0.expiresAt = Example.now.advanced(byMicroseconds: 1) } == nil)
    #expect(
      refusal { $0.expiresAt = Example.now.advanced(byMicroseconds: -1) } == .expiryNotAfterGrant)
  }

  @Test("a grant that begins now must not have expired already")
  func expiryWithoutBeginning() {
    #expect(
      refusal {
        $0.grantedAt = nil; $0.expiresAt = Example.now
      } == .expiryNotAfterGrant)
  }

  @Test(
    "a withdrawal and an erasure have no expiry",
    arguments: [ReceiptDraft.Kind.withdrawal, .erasure])
  func needlessExpiry(kind: ReceiptDraft.Kind) {
    var draft = Example.draft(kind: kind)
    #expect(refusal(draft) == nil)
    draft.expiresAt = Example.now
    #expect(refusal(draft) == .needlessExpiry(kind))
  }

  @Test("times lie in the years 1970 to 9999")
  func timeRange() {
    #expect(refusal { $0.grantedAt = Timestamp(microseconds: 0) } == nil)
    #expect(
      refusal { $0.grantedAt = Timestamp(microseconds: -1) } == .timeOutOfRange(field: "granted_at")
    )
    #expect(refusal { $0.expiresAt = ReceiptRules.latest } == nil)
    #expect(
      refusal { $0.expiresAt = ReceiptRules.latest.advanced(byMicroseconds: 1) }
        == .timeOutOfRange(field: "expires_at"))
  }

  @Test("the source is required, bounded, printable and no identifier")
  func source() {
    #expect(refusal { $0.source = "" } == .noSource)
    #expect(refusal { $0.source = String(repeating: "x", count: 256) } == nil)
    #expect(refusal { $0.source = String(repeating: "x", count: 257) } == .malformedSource)
    #expect(refusal { $0.source = "web\u{7}" } == .malformedSource)
    #expect(refusal { $0.source = "ann@example.com" } == .sourceLooksLike("an e-mail address"))
  }

  @Test("the notice's version is required")
  func version() {
    #expect(refusal { $0.version = 0 } == .noVersion)
    #expect(refusal { $0.version = 1 } == nil)
  }
}

@Suite("What a configuration may be")
struct ConsentConfigurationTests {
  @Test("the defaults are sound")
  func defaults() { #expect(ConsentConfiguration().fault == nil) }

  @Test("leases have bounds", arguments: [(19, false), (20, true), (5_000, true), (5_001, false)])
  func lease(ms: Int, isSound: Bool) {
    var configuration = ConsentConfiguration()
    configuration.leaseMs = ms
    #expect((configuration.fault == nil) == isSound)
  }

  @Test("scopes have a number, and each stands there once")
  func scopes() throws {
    var configuration = ConsentConfiguration()
    configuration.scopes = []
    #expect(configuration.fault != nil)
    configuration.scopes = (0..<64).compactMap { Scope("s\($0)") }
    #expect(configuration.fault == nil)
    configuration.scopes += [try #require(Scope("one-more"))]
    #expect(configuration.fault != nil)
    configuration.scopes = [try #require(Scope("a")), try #require(Scope("a"))]
    #expect(configuration.fault != nil)
  }
}
