import ConsentAPI
import ConsentService
import PrivacyCore
import RPC
import TestSupport
import Testing

@Suite("A person's whole state")
struct StateTests {
  @Test("one call gives every purpose in words, and one withdrawal takes each back")
  func words() async throws {
    try await ConsentFixture.run { fixture async throws in
      _ = try await fixture.client.addPurpose(
        AddPurposeRequest(
          purpose: Purpose(
            id: "product_recs",
            texts: [
              PurposeText(language: "en", title: "Recommendations", text: "We recommend products."),
              PurposeText(language: "de", title: "Empfehlungen", text: "Wir empfehlen Produkte."),
            ])))
      _ = try await fixture.client.addPurpose(
        AddPurposeRequest(
          purpose: Purpose(
            id: "marketing.email", parent: "marketing",
            texts: [PurposeText(language: "en", title: "Mail", text: "We write.")])))
      _ = try await fixture.client.addNotice(AddNoticeRequest(notice: NoticeTests.notice()))
      let receipt = try required(
        try await fixture.client.grant(
          NoticeTests.request(scopes: ["product_recs"], denied: ["analytics"])
        ).receipt)
      let request = StateRequest(pid: Example.pid(1).bytes, language: "de-AT")
      let state = try await fixture.client.state(request)
      #expect(
        state.purposes.map(\.purpose) == [
          "product_recs", "analytics", "personalization_geo", "marketing", "marketing.email",
        ])
      let recs = try #require(state.purposes.first)
      #expect(recs.title == "Empfehlungen")
      #expect(recs.language == "de")
      #expect(recs.decision == .granted)
      #expect(recs.reason == .granted)
      #expect(recs.sinceUs == receipt.grantedAtUs)
      #expect(recs.untilUs == receipt.expiresAtUs)
      #expect(recs.consentID == receipt.consentID)
      #expect([recs.noticeID, "\(recs.noticeVersion)"] == ["shop", "1"])
      #expect(recs.withdrawalMethod == "https://shop.example/privacy")
      #expect(recs.sentence.hasPrefix("Allowed since "))
      #expect(state.purposes[1].decision == .denied)
      #expect(state.purposes[1].sentence.hasPrefix("Refused on "))
      #expect(state.purposes[1].withdrawScopes.isEmpty)
      #expect(state.purposes[2].decision == .unspecified)
      #expect(state.purposes[2].reason == .neverAsked)
      #expect(state.purposes[4].parent == "marketing")
      // Giving took one call, and so does taking back.
      try await fixture.withdraw(1, scopes: recs.withdrawScopes)
      let after = try await fixture.client.state(request)
      #expect(after.purposes.first?.reason == .withdrawn)
      #expect(after.purposes.first?.withdrawScopes == [])
    }
  }

  @Test("an erased person has nothing left, and an unknown one was never asked")
  func erased() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await fixture.grant(1)
      let request = StateRequest(pid: Example.pid(1).bytes)
      _ = try await fixture.client.erase(
        EraseRequest(pid: Example.pid(1).bytes, ground: "gdpr-17-1-b"))
      let state = try await fixture.client.state(request)
      #expect(state.erased)
      #expect(state.purposes.allSatisfy { $0.reason == .erased && $0.consentID.isEmpty })
      let stranger = try await fixture.client.state(StateRequest(pid: Example.pid(2).bytes))
      #expect(stranger.purposes.allSatisfy { $0.reason == .neverAsked })
      #expect(
        await refusal {
          _ = try await fixture.client.state(
            StateRequest(pid: Example.pid(2).bytes, language: "?"))
        }?.code == .invalidArgument)
    }
  }

  @Test(
    "the best text is found part by part of the language wanted",
    arguments: [
      ("de-CH-1996", "de"), ("DE", "de"), ("en-US", "en-US"), ("fr", "en-US"), ("", "en-US"),
    ])
  func language(wanted: String, best: String) {
    #expect(LanguageTag.best(of: ["en-US", "de", "en"], for: wanted) == best)
  }
}
