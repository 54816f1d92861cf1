internal import CommonAPI
internal import Cryptography
internal import FeaturesAPI
internal import Gate
internal import PrivacyCore
internal import RPC
internal import TestSupport
internal import Testing
internal import TrainerAPI
internal import VectorSearchService
internal import VectorsAPI

@Suite("Publishing and recommending")
struct RecommendTests {
  static let items = [
    ModelItem(item: "mug", vector: [1, 0, 0, 0], popularity: 1),
    ModelItem(item: "cup", vector: [0.9, 0.1, 0, 0], popularity: 0.5),
    ModelItem(item: "lamp", vector: [0, 1, 0, 0], popularity: 6),
    ModelItem(item: "card", vector: [0, 0, 1, 0], popularity: 4),
    ModelItem(item: "bag", vector: [0, 0, 0.5, 0.5], popularity: 2),
  ]

  @Test("a model is served when it is published, and still after a restart")
  func publish() async throws {
    try await withVectorSearchAndRestart { fixture, restart in
      fixture.others.offer("m_1", Self.items)
      let reply = try await fixture.publish()
      #expect(reply.modelID == "m_1" && reply.itemCount == 5)
      let popular = try await fixture.recommend(nil)
      #expect(popular.recommendations.map(\.item) == ["lamp", "card", "bag"])
      #expect(popular.basis == .anonymous && popular.reason == "nobody was named")
      #expect(popular.recommendations.allSatisfy { $0.because == "popular now" })
      #expect(popular.modelID == "m_1" && popular.consentID.isEmpty)
      let next = try await restart(fixture)
      #expect(try await next.recommend(nil).recommendations == popular.recommendations)
      let entry = try #require(try next.audited("vectors.publish").first)
      #expect(entry.details["model"] == "m_1" && entry.details["receipts_root"] == "010203")
    }
  }

  @Test("the next model takes over whole; the same again changes nothing")
  func republish() async throws {
    try await withVectorSearchAndRestart { fixture, restart in
      fixture.others.offer("m_1", Self.items)
      try await fixture.publish()
      #expect(try await fixture.publish().modelID == "m_1")
      #expect(try fixture.audited("vectors.publish").count == 1)
      fixture.others.offer("m_2", Array(Self.items.prefix(2)))
      #expect(try await fixture.publish("m_2").itemCount == 2)
      #expect(try await fixture.recommend(nil).recommendations.map(\.item) == ["mug", "cup"])
      let next = try await restart(fixture)
      let reply = try await next.recommend(nil)
      #expect(reply.recommendations.map(\.item) == ["mug", "cup"] && reply.modelID == "m_2")
    }
  }

  @Test("a model that is not whole or cannot be served leaves the one before in place")
  func badModels() async throws {
    try await withVectorSearchAndRestart { fixture, restart in
      fixture.others.offer("m_1", Self.items)
      try await fixture.publish()
      let bad: [([ModelItem], Int?)] = [
        (Self.items, 6), ([], 0), (Self.items + [Self.items[0]], nil),
        (Self.items + [ModelItem(item: "x", vector: [1, 0], popularity: 1)], nil),
        (Self.items + [ModelItem(item: "x", vector: [.nan, 0, 0, 0], popularity: 1)], nil),
        (Self.items + [ModelItem(item: "x", vector: [1, 0, 0, 0], popularity: -1)], nil),
        (Self.items + [ModelItem(item: "", vector: [1, 0, 0, 0], popularity: 1)], nil),
      ]
      for (index, (items, count)) in bad.enumerated() {
        fixture.others.offer("m_bad\(index)", items, itemCount: count)
        #expect(
          await refusal { try await fixture.publish("m_bad\(index)") } == .failedPrecondition)
      }
      #expect(await refusal { try await fixture.publish("m_none") } == .notFound)
      #expect(try await fixture.recommend(nil).modelID == "m_1")
      // What the attempts left behind is not part of what is published next.
      fixture.others.offer("m_3", Array(Self.items.suffix(2)))
      try await fixture.publish("m_3")
      let next = try await restart(fixture)
      #expect(try await next.recommend(nil, k: 20).recommendations.count == 2)
    }
  }

  @Test("a model goes neither to people nor among vectors written by hand, and these not to it")
  func wrongCollections() async throws {
    try await withVectorSearch { fixture in
      fixture.others.offer("m_1", Self.items)
      try await fixture.create("people", .innerProduct, scope: "product_recs")
      try await fixture.create("wide", dimension: 5, .innerProduct)
      try await fixture.create("written", .innerProduct)
      try await fixture.create("unit", .cosine)
      try await fixture.upsert([item("a", [1, 0, 0, 0])], to: "written")
      for name in ["people", "wide", "written", "unit"] {
        #expect(await refusal { try await fixture.publish(to: name) } == .failedPrecondition)
      }
      #expect(await refusal { try await fixture.publish(to: "No") } == .invalidArgument)
      try await fixture.publish()
      let code = await refusal { try await fixture.upsert([item("a", [1, 0, 0, 0])], to: "shop") }
      #expect(code == .failedPrecondition)
      #expect(
        await refusal { _ = try await fixture.recommend(nil, in: "written") }
          == .failedPrecondition)
    }
  }

  @Test("an item taken out is recommended no more")
  func deleteItem() async throws {
    try await withVectorSearchAndRestart { fixture, restart in
      fixture.others.offer("m_1", Self.items)
      try await fixture.publish()
      #expect(try await fixture.delete([Array("lamp".utf8)], from: "shop").removed == 1)
      #expect(try await fixture.recommend(nil, k: 1).recommendations.map(\.item) == ["card"])
      let next = try await restart(fixture)
      #expect(try await next.recommend(nil, k: 1).recommendations.map(\.item) == ["card"])
    }
  }

  @Test("a person who allows it gets their own: what they have often, and what is like it")
  func personal() async throws {
    try await withVectorSearch { fixture in
      fixture.others.offer("m_1", Self.items)
      try await fixture.publish()
      let receipt = try await fixture.grant(person(1), "product_recs")
      let today = Int32(fixture.time.now.day)
      fixture.others.had(["mug": [today - 40, today - 12], "gone": [today - 1]], person(1))
      let all = try await fixture.recommend(person(1))
      #expect(all.basis == .personal && all.consentID == receipt && all.reason.isEmpty)
      #expect(all.recommendations.map(\.item).prefix(2) == ["mug", "cup"])
      #expect(all.recommendations[0].because == "bought on 2 days, last 12 days ago")
      #expect(all.recommendations[1].because == "like what you buy")
      let new = try await fixture.recommend(person(1), .new)
      #expect(new.recommendations.first?.item == "cup")
      #expect(!new.recommendations.map(\.item).contains("mug"))
      let entry = try #require(try fixture.audited("vectors.recommend").last)
      #expect(entry.pids == [person(1).bytes] && entry.consentIDs == [receipt])
      #expect(entry.details["basis"] == "personal" && entry.number == new.auditSequence)
    }
  }

  @Test("a consistency token is judged, and handed on to the feature store")
  func token() async throws {
    try await withVectorSearch { fixture in
      let secret = [UInt8](repeating: 9, count: 32)
      try fixture.service.gate.giveTokenKey(epoch: 4, key: secret)
      let key = try PositionKey(secret: SecretBytes(copying: secret))
      fixture.others.offer("m_1", Self.items)
      try await fixture.publish()
      try await fixture.grant(person(1), "product_recs")
      fixture.others.had(["mug": [Int32(fixture.time.now.day) - 1]], person(1))
      let known = ConsentToken(
        epoch: 4, sequence: 1, mac: try key.code(epoch: 4, position: 1))
      #expect(try await fixture.recommend(person(1), atLeast: known).basis == .personal)
      #expect(fixture.others.tokens == [known])
      var forged = known
      forged.sequence = 2
      let wrong = forged
      await #expect(throws: TokenRefusal.forged) {
        try await fixture.recommend(person(1), atLeast: wrong)
      }
      let foreign = ConsentToken(
        epoch: 5, sequence: 1, mac: try key.code(epoch: 5, position: 1))
      // Also where nobody is named: what does not count is not taken.
      await #expect(throws: TokenRefusal.otherEpoch) {
        try await fixture.recommend(nil, atLeast: foreign)
      }
      #expect(fixture.others.tokens == [known])
    }
  }

  @Test("who does not allow it, or of whom nothing is known, is served as a stranger")
  func strangers() async throws {
    try await withVectorSearch { fixture in
      fixture.others.offer("m_1", Self.items)
      try await fixture.publish()
      let today = Int32(fixture.time.now.day)
      for number in 1...6 { fixture.others.had(["mug": [today]], person(number)) }
      let popular = try await fixture.recommend(nil).recommendations

      try await fixture.grant(person(2), "analytics")
      try await fixture.grant(person(3), "product_recs")
      try await fixture.withdraw(person(3), "product_recs")
      try await fixture.grant(person(4), "product_recs")
      fixture.others.say(FeatureValue(status: .notFound), of: person(4))
      try await fixture.grant(person(5), "product_recs")
      fixture.others.say(
        FeatureValue(status: .withheld, reason: "product_recs: consent was withdrawn"),
        of: person(5))
      try await fixture.grant(person(6), "product_recs")
      fixture.others.had(["unknown item": [today]], person(6))
      let reasons = [
        "product_recs: no consent was ever recorded for this scope",
        "product_recs: no consent was ever recorded for this scope",
        "product_recs: consent was withdrawn", "nothing is known of this person",
        "product_recs: consent was withdrawn", "nothing is known of this person",
      ]
      for (number, reason) in zip(1...6, reasons) {
        let reply = try await fixture.recommend(person(number))
        #expect(reply.basis == .anonymous && reply.reason == reason && reply.consentID.isEmpty)
        #expect(reply.recommendations == popular)
      }
    }
  }

  @Test("consent that ends while the history is on its way counts: nothing personal is served")
  func withdrawnMeanwhile() async throws {
    try await withVectorSearch { fixture in
      fixture.others.offer("m_1", Self.items)
      try await fixture.publish()
      try await fixture.grant(person(1), "product_recs")
      fixture.others.had(["mug": [Int32(fixture.time.now.day)]], person(1))
      #expect(try await fixture.recommend(person(1)).basis == .personal)
      fixture.others.onGet { try await fixture.withdraw(person(1), "product_recs") }
      let reply = try await fixture.recommend(person(1))
      #expect(reply.basis == .anonymous && reply.reason == "product_recs: consent was withdrawn")
    }
  }

  @Test("a feature store out of reach makes strangers; a wrong feature is the caller's mistake")
  func featureStoreFails() async throws {
    try await withVectorSearch { fixture in
      fixture.others.offer("m_1", Self.items)
      try await fixture.publish()
      try await fixture.grant(person(1), "product_recs")
      fixture.others.had(["mug": [1]], person(1))
      fixture.others.refuseHistories(RPCError(.unavailable, "down"))
      let reply = try await fixture.recommend(person(1))
      #expect(reply.basis == .anonymous)
      #expect(reply.reason == "the feature store could not be asked")
      fixture.others.refuseHistories(RPCError(.invalidArgument, "there is no view"))
      #expect(await refusal { _ = try await fixture.recommend(person(1)) } == .invalidArgument)
    }
  }

  @Test("malformed questions are refused before anything is read")
  func malformed() async throws {
    try await withVectorSearch { fixture in
      fixture.others.offer("m_1", Self.items)
      try await fixture.publish()
      for k in [0, 21] as [UInt32] {
        #expect(await refusal { _ = try await fixture.recommend(nil, k: k) } == .invalidArgument)
      }
      #expect(
        await refusal { _ = try await fixture.recommend(person(1), feature: "items") }
          == .invalidArgument)
      #expect(
        await refusal { _ = try await fixture.recommend(person(1), scope: "") }
          == .invalidArgument)
      #expect(
        await refusal { _ = try await fixture.recommend(person(1), noiseSigma: .nan) }
          == .invalidArgument)
      #expect(await refusal { _ = try await fixture.recommend(nil, in: "none") } == .notFound)
      let code = await refusal {
        _ = try await fixture.service.recommend(
          RecommendRequest(
            pid: [1, 2, 3], collection: "shop", k: 3, historyFeature: "a:b",
            scope: "product_recs"), context: fixture.context(VectorsMethods.recommend))
      }
      #expect(code == .invalidArgument)
    }
  }

  @Test("noise on the taste is stated with what it buys")
  func noise() async throws {
    try await withVectorSearch { fixture in
      fixture.others.offer("m_1", Self.items)
      try await fixture.publish()
      try await fixture.grant(person(1), "product_recs")
      fixture.others.had(["mug": [Int32(fixture.time.now.day)]], person(1))
      let exact = try await fixture.recommend(person(1))
      let noisy = try await fixture.recommend(person(1), noiseSigma: 1)
      #expect(exact.noise == nil && noisy.noise?.sigma == 1)
      #expect(exact.recommendations.map(\.score) != noisy.recommendations.map(\.score))
    }
  }
}
