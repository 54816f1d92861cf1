import ConsentAPI
import ConsentService
import Cryptography
import PrivacyCore
import RPC
import TestSupport
import Testing

@Suite("Notices and purposes")
struct NoticeTests {
  static func notice(
    version: UInt32 = 0,
    purposes: [NoticePurpose] = [
      NoticePurpose(purpose: "product_recs", legalBasis: .consent),
      NoticePurpose(purpose: "analytics", legalBasis: .consent),
    ]
  ) -> Notice {
    Notice(
      id: "shop", version: version, controller: "Example Shop Ltd", jurisdiction: "DE",
      purposes: purposes,
      texts: [
        NoticeText(language: "en", text: "We would like to recommend products to you."),
        NoticeText(language: "de", text: "Wir möchten Ihnen Produkte empfehlen."),
      ],
      piiCategories: ["purchases"], recipients: [], retention: "P2Y",
      withdrawalMethod: "https://shop.example/privacy")
  }

  static func request(
    _ person: UInt64 = 1, scopes: [String] = ["product_recs"], denied: [String] = [],
    version: UInt32 = 1, language: String = "de"
  ) -> GrantRequest {
    var request = Example.grantRequest(person, scopes: scopes)
    request.deniedScopes = denied
    request.version = version
    request.details = ReceiptDetails(notice: NoticeReference(id: "shop", language: language))
    return request
  }

  @Test("a notice gets versions and the hashes of its texts; the same again is no new one")
  func versions() async throws {
    try await withTemporaryDirectory { directory async throws in
      try await ConsentFixture.run(in: directory) { fixture async throws in
        let first = try await fixture.client.addNotice(AddNoticeRequest(notice: Self.notice()))
        #expect(first.created)
        let recorded = try required(first.notice)
        #expect(recorded.version == 1)
        #expect(
          try recorded.texts.map(\.textHash)
            == Self.notice().texts.map {
              try Digest.sha256(Array($0.text.utf8))
            })
        let again = try await fixture.client.addNotice(AddNoticeRequest(notice: Self.notice()))
        #expect(!again.created)
        #expect(again.notice == first.notice)
        var changed = Self.notice()
        changed.controller = "Example Holding Ltd"
        let second = try await fixture.client.addNotice(AddNoticeRequest(notice: changed))
        #expect(second.notice?.version == 2)
        let gap = AddNoticeRequest(notice: Self.notice(version: 4))
        #expect(
          await refusal { _ = try await fixture.client.addNotice(gap) }?.message.contains(
            "the next version is 3") == true)
      }
      try await ConsentFixture.run(in: directory) { fixture async throws in
        let newest = try await fixture.client.showNotice(ShowNoticeRequest(id: "shop"))
        #expect(newest.version == 2)
        #expect(newest.texts.map(\.language) == ["en", "de"])
        let all = try await fixture.client.listNotices(ListNoticesRequest(id: "shop"))
        #expect(all.notices.map(\.version) == [1, 2])
        #expect(all.notices.flatMap(\.texts).allSatisfy { $0.text.isEmpty })
        #expect(try await fixture.client.listNotices(ListNoticesRequest()).notices.count == 1)
        #expect(
          await refusal {
            _ = try await fixture.client.showNotice(ShowNoticeRequest(id: "shop", version: 3))
          }?.code == .notFound)
      }
    }
  }

  @Test("many at once get versions without gaps")
  func concurrency() async throws {
    try await ConsentFixture.run { fixture async throws in
      let versions = try await withThrowingTaskGroup(of: UInt32?.self) { group in
        for number in 1...10 {
          group.addTask {
            var notice = Self.notice()
            notice.controller = "Controller \(number)"
            return try await fixture.client.addNotice(AddNoticeRequest(notice: notice)).notice?
              .version
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(versions.compactMap { $0 }.sorted() == Array(1...10))
    }
  }

  @Test("a consent under a notice takes over what the notice says")
  func completion() async throws {
    try await ConsentFixture.run { fixture async throws in
      let notice = try required(
        try await fixture.client.addNotice(AddNoticeRequest(notice: Self.notice())).notice)
      let reply = try await fixture.client.grant(
        Self.request(scopes: ["product_recs"], denied: ["analytics"]))
      let details = try required(reply.receipt?.details)
      #expect(details.notice?.textHash == notice.texts[1].textHash)
      #expect(details.controller == "Example Shop Ltd")
      #expect(details.piiCategories == ["purchases"])
      #expect(details.withdrawalMethod == "https://shop.example/privacy")
      #expect(details.purposes.map(\.purpose) == ["product_recs", "analytics"])
      #expect(details.purposes.map(\.decision) == [.granted, .denied])
      #expect(details.purposes.map(\.legalBasis) == [.consent, .consent])
      // What stands in the ledger is what is exported, and what is exported can be imported.
      let line = try #require(try await fixture.exported().first)
      #expect(try await fixture.importing([line]).last?.duplicates == 1)
    }
  }

  @Test("a consent that does not fit its notice is refused")
  func misfits() async throws {
    try await ConsentFixture.run { fixture async throws in
      _ = try await fixture.client.addNotice(AddNoticeRequest(notice: Self.notice()))
      func message(_ request: GrantRequest) async -> String {
        await refusal { _ = try await fixture.client.grant(request) }?.message ?? "recorded"
      }
      #expect(
        await message(Self.request(scopes: ["marketing"])).contains("does not ask for"))
      #expect(await message(Self.request(version: 2)).contains("no such version"))
      #expect(await message(Self.request(language: "fr")).contains("no text in this language"))
      #expect(await message(Self.request(language: "")).contains("several languages"))
      var other = Self.request()
      other.details?.notice?.textHash = [UInt8](repeating: 1, count: 32)
      #expect(await message(other).contains("not the notice's"))
      var controller = Self.request()
      controller.details?.controller = "Somebody else"
      #expect(await message(controller).contains("not what the notice says"))
      var unknown = Self.request()
      unknown.details?.notice?.id = "other"
      #expect(await message(unknown).contains("no notice"))
      #expect(await message(Self.request()) == "recorded")
    }
  }

  @Test("purposes have versions, words and parents, and become scopes that can be asked for")
  func purposes() async throws {
    try await ConsentFixture.run { fixture async throws in
      func add(_ id: String, parent: String = "", title: String = "Title") async throws
        -> AddPurposeReply
      {
        try await fixture.client.addPurpose(
          AddPurposeRequest(
            purpose: Purpose(
              id: id, parent: parent,
              texts: [PurposeText(language: "en", title: title, text: "What is done.")])))
      }
      #expect(
        await refusal { _ = try await fixture.grant(1, scopes: ["marketing.email"]) }?.code
          == .invalidArgument)
      #expect(try await add("marketing.email", parent: "marketing").purpose?.version == 1)
      #expect(try await !add("marketing.email", parent: "marketing").created)
      let changed = try await add("marketing.email", parent: "marketing", title: "Mail")
      #expect(changed.purpose?.version == 2)
      try await fixture.grant(1, scopes: ["marketing.email"])
      let list = try await fixture.client.listPurposes(ListPurposesRequest()).purposes
      #expect(list.map(\.id).contains("analytics"))
      #expect(list.first { $0.id == "marketing.email" }?.version == 2)
      let versions = try await fixture.client.listPurposes(
        ListPurposesRequest(id: "marketing.email"))
      #expect(versions.purposes.map(\.version) == [1, 2])
      #expect(
        await refusal { _ = try await add("marketing", parent: "marketing.email") }?.message
          .contains("a part of itself") == true)
      #expect(
        await refusal { _ = try await add("x", parent: "nowhere") }?.message.contains(
          "not known") == true)
    }
  }

  @Test("how many would have to be asked again counts those whom a material change concerns")
  func countToAsk() async throws {
    try await ConsentFixture.run { fixture async throws in
      _ = try await fixture.client.addNotice(AddNoticeRequest(notice: Self.notice()))
      for person in UInt64(1)...4 {
        _ = try await fixture.client.grant(
          Self.request(person, scopes: person <= 2 ? ["product_recs"] : ["analytics"]))
      }
      _ = try await fixture.client.grant(Self.request(5, scopes: [], denied: ["analytics"]).denial)
      try await fixture.withdraw(4)
      try await fixture.grant(6)
      var second = Self.notice()
      second.purposes[1].legalBasis = .legitimateInterests
      second.texts[0].text += " Thank you."
      _ = try await fixture.client.addNotice(AddNoticeRequest(notice: second))
      let count = try await fixture.client.countToAsk(CountToAskRequest(id: "shop"))
      #expect([count.people, count.toAsk] == [3, 1])
      #expect(count.version == 2)
      #expect(count.versions == [VersionCount(version: 1, people: 3, toAsk: 1)])

      let diff = try await fixture.client.diffNotices(DiffNoticesRequest(id: "shop"))
      #expect([diff.fromVersion, diff.toVersion] == [1, 2])
      #expect(diff.isMaterial)
      #expect(
        diff.differences.map(\.field) == ["purpose analytics: legal basis", "text in en"])
      #expect(diff.differences.map(\.isMaterial) == [true, false])
      _ = try await fixture.client.grant(Self.request(3, scopes: ["analytics"], version: 2))
      let after = try await fixture.client.countToAsk(CountToAskRequest(id: "shop"))
      #expect([after.people, after.toAsk] == [2, 0])
    }
  }
}

extension GrantRequest {
  /// The same as a refusal, which has no end.
  fileprivate var denial: GrantRequest {
    var request = self
    request.expiresAtUs = 0
    return request
  }
}

@Suite("Purposes that are parts of others")
struct PurposeHierarchyTests {
  private func prepare(_ fixture: ConsentFixture, covers: Bool) async throws {
    for (id, parent) in [
      ("marketing.email", "marketing"), ("marketing.email.daily", "marketing.email"),
    ] {
      _ = try await fixture.client.addPurpose(
        AddPurposeRequest(
          purpose: Purpose(
            id: id, parent: parent,
            texts: [PurposeText(language: "en", title: id, text: "What is done.")])))
    }
    var notice = NoticeTests.notice(purposes: [
      NoticePurpose(purpose: "marketing", legalBasis: .consent, coversChildren: covers)
    ])
    notice.texts.removeLast()
    _ = try await fixture.client.addNotice(AddNoticeRequest(notice: notice))
  }

  @Test("a consent to the whole covers its parts only where the notice says so")
  func coverage() async throws {
    for covers in [true, false] {
      try await ConsentFixture.run { fixture async throws in
        try await prepare(fixture, covers: covers)
        let reply = try await fixture.client.grant(
          NoticeTests.request(scopes: ["marketing"], language: "en"))
        #expect(try await fixture.reason(1, "marketing") == .granted)
        #expect(
          try await fixture.reason(1, "marketing.email.daily") == (covers ? .granted : .neverAsked))
        #expect(
          reply.receipt?.details?.purposes.map(\.coveredBy)
            == (covers ? ["", "marketing", "marketing"] : [""]))
        // A part that is added later was not covered by the answer of before.
        _ = try await fixture.client.addPurpose(
          AddPurposeRequest(
            purpose: Purpose(
              id: "marketing.sms", parent: "marketing",
              texts: [PurposeText(language: "en", title: "SMS", text: "What is done.")])))
        #expect(try await fixture.reason(1, "marketing.sms") == .neverAsked)
        let line = try #require(try await fixture.exported().first)
        #expect(try await fixture.importing([line]).last?.duplicates == 1)
      }
    }
  }

  @Test("taking back the whole takes back its parts, however they were given")
  func takingBack() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await prepare(fixture, covers: false)
      try await fixture.grant(1, scopes: ["marketing", "marketing.email"])
      let reply = try await fixture.withdraw(1, scopes: ["marketing"])
      #expect(reply.receipt?.scopes == ["marketing", "marketing.email"])
      #expect(try await fixture.reason(1, "marketing.email") == .withdrawn)
    }
  }

  @Test("refusing the whole refuses what was allowed by the answer to it, and nothing else")
  func refusing() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await prepare(fixture, covers: true)
      _ = try await fixture.client.grant(
        NoticeTests.request(scopes: ["marketing"], language: "en"))
      try await fixture.grant(1, scopes: ["marketing.email.daily"])
      var denial = Example.grantRequest(1, scopes: [])
      denial.deniedScopes = ["marketing"]
      denial.expiresAtUs = 0
      _ = try await fixture.client.grant(denial)
      #expect(try await fixture.reason(1, "marketing.email") == .denied)
      #expect(try await fixture.reason(1, "marketing.email.daily") == .granted)
    }
  }

  @Test("a person's own answer to a part stands beside the answer to the whole")
  func ownAnswer() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await prepare(fixture, covers: true)
      var notice = NoticeTests.notice(purposes: [
        NoticePurpose(purpose: "marketing", legalBasis: .consent, coversChildren: true),
        NoticePurpose(purpose: "marketing.email", legalBasis: .consent),
      ])
      notice.texts.removeLast()
      _ = try await fixture.client.addNotice(AddNoticeRequest(notice: notice))
      _ = try await fixture.client.grant(
        NoticeTests.request(
          scopes: ["marketing"], denied: ["marketing.email"], version: 2, language: "en"))
      #expect(try await fixture.reason(1, "marketing.email") == .denied)
      #expect(try await fixture.reason(1, "marketing.email.daily") == .granted)
    }
  }
}
