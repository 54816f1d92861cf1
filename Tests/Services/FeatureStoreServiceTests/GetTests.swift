internal import AuditAPI
internal import AuditLog
internal import CommonAPI
internal import Cryptography
internal import FeatureStoreService
internal import FeaturesAPI
internal import Gate
internal import PrivacyCore
internal import RPC
internal import Synchronization
internal import TestSupport
internal import Testing

@Suite("Reading features")
struct GetTests {
  @Test("each feature is gated by its own scope, with the reason and the declared default")
  func gating() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "product_recs")
      try await fixture.write([
        fixture.event(person(1), consent, id: "a", ["amount": .int(5), "item": .string("x")])
      ])
      let reply = try await fixture.get([person(1)], ["purchases:*"])
      let features = reply.rows[0].features
      #expect(features.map(\.name) == ["purchases:lines", "purchases:spend", "purchases:items"])
      #expect(features.map(\.status) == [.default, .withheld, .present])
      #expect(features[0].value?.kind == .intValue(0))
      #expect(features[1].value == nil && features[1].consentID.isEmpty)
      #expect(features[1].reason == "analytics: no consent was ever recorded for this scope")
      #expect(features[2].consentID == consent)
      #expect(reply.withheld == 2 && reply.consentSequence == 1)
    }
  }

  @Test("a read with a consistency token is answered when the gate knows it, else refused")
  func token() async throws {
    try await withFeatureStore { fixture in
      let secret = [UInt8](repeating: 9, count: 32)
      try fixture.service.gate.giveTokenKey(epoch: 4, key: secret)
      let key = try PositionKey(secret: SecretBytes(copying: secret))
      let consent = try await fixture.grant(person(1), "analytics")
      try await fixture.write([fixture.event(person(1), consent, id: "a", ["amount": .int(5)])])
      func read(_ token: ConsentToken) async throws -> GetReply {
        try await fixture.service.get(
          GetRequest(
            pids: [person(1).bytes], features: ["purchases:spend"], purpose: "test",
            atLeast: token),
          context: fixture.context(FeaturesMethods.get))
      }
      let known = ConsentToken(
        epoch: 4, sequence: 1, mac: try key.code(epoch: 4, position: 1))
      #expect(try await read(known).rows[0].features[0].status == .present)
      var forged = known
      forged.sequence = 2
      let wrong = forged
      await #expect(throws: TokenRefusal.forged) { try await read(wrong) }
      let foreign = ConsentToken(
        epoch: 5, sequence: 1, mac: try key.code(epoch: 5, position: 1))
      await #expect(throws: TokenRefusal.otherEpoch) { try await read(foreign) }
    }
  }

  @Test("a withdrawal between two reads takes the value away from the second")
  func withdrawalBetweenReads() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics", "product_recs")
      try await fixture.write([fixture.event(person(1), consent, id: "a", ["amount": .int(5)])])
      // Twice, so that the second read comes from the cache.
      for _ in 0..<2 {
        #expect(try await fixture.value(person(1), "purchases:spend").status == .present)
      }
      try await fixture.withdraw(person(1), "analytics")
      let after = try await fixture.value(person(1), "purchases:spend")
      #expect(after.status == .withheld && after.value == nil)
      #expect(after.reason == "analytics: consent was withdrawn")
      try await fixture.grant(person(1), "analytics")
      #expect(try await fixture.value(person(1), "purchases:spend").status == .present)
    }
  }

  @Test("who is allowed only while the record is being read is withheld, and not called missing")
  func grantedMeanwhile() async throws {
    try await withFeatureStore { fixture in
      for number in 1...2 {
        let consent = try await fixture.grant(person(number), "analytics")
        try await fixture.write([
          fixture.event(person(number), consent, id: "a", ["amount": .double(5)])
        ])
      }
      try await fixture.record(.restriction, person(1), "analytics")
      // The second person's key is asked for between the two looks at the gate.
      fixture.keys.duringNextRequest {
        try await fixture.record(.restrictionLifted, person(1), "analytics")
      }
      func read() async throws -> [FeatureValue] {
        let reply = try await fixture.get([person(1), person(2)], ["purchases:spend"])
        return reply.rows.map { $0.features[0] }
      }
      let first = try await read()
      #expect(first.map(\.status) == [.withheld, .present])
      #expect(first[0].value == nil)
      #expect(first[0].reason == "analytics: allowed only since a moment ago")
      #expect(try await read().map(\.value?.kind) == [.doubleValue(5), .doubleValue(5)])
    }
  }

  @Test("without a lease nothing is served, and after the receipt's end nothing either")
  func leaseAndExpiry() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics", days: 2)
      try await fixture.write([fixture.event(person(1), consent, id: "a", ["amount": .int(5)])])
      fixture.time.advance(microseconds: 2 * 86_400_000_000 - 1)
      #expect(try await fixture.value(person(1), "purchases:spend").status == .present)
      fixture.time.advance(microseconds: 1)
      #expect(
        try await fixture.value(person(1), "purchases:spend").reason
          == "analytics: consent has expired")
      try await fixture.grant(person(1), "analytics")
      fixture.service.gate.endLease()
      #expect(try await fixture.value(person(1), "purchases:spend").status == .withheld)
    }
  }

  @Test("nothing written, null, expired and default are told apart")
  func statuses() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics", "geo")
      try await fixture.grant(person(2), "analytics")
      try await fixture.write([
        fixture.row(person(1), consent, daysAgo: 11, ["country": .string("AT")]),
        fixture.row(person(1), consent, daysAgo: 1, ["score": nil]),
      ])
      #expect(try await fixture.value(person(1), "profile:score").status == .null)
      let expired = try await fixture.value(person(1), "profile:country")
      #expect(expired.status == .expired && expired.value == nil)
      let segment = try await fixture.value(person(1), "profile:segment")
      #expect(segment.status == .default && segment.value?.kind == .stringValue("none"))
      #expect(try await fixture.value(person(2), "profile:score").status == .notFound)
      #expect(try await fixture.value(person(2), "purchases:lines").status == .default)
    }
  }

  @Test("a read as of a time sees what had happened by then, under the consent of now")
  func asOf() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      try await fixture.write(
        (0..<5).map {
          fixture.event(
            person(1), consent, id: "e\($0)", daysAgo: Int64($0) * 50, ["amount": .int(1)])
        })
      try await fixture.write([
        fixture.row(person(1), consent, daysAgo: 30, ["score": .int(1)]),
        fixture.row(person(1), consent, daysAgo: 20, ["score": .int(2)]),
      ])
      func daysAgo(_ days: Int64) -> Timestamp {
        fixture.time.now.advanced(byMicroseconds: -days * 86_400_000_000)
      }
      #expect(try await fixture.value(person(1), "purchases:spend").value?.kind == .doubleValue(5))
      #expect(
        try await fixture.value(person(1), "purchases:spend", asOf: daysAgo(100)).value?.kind
          == .doubleValue(3))
      #expect(
        try await fixture.value(person(1), "purchases:lines", asOf: daysAgo(100)).value?.kind
          == .intValue(2))
      #expect(
        try await fixture.value(person(1), "profile:score", asOf: daysAgo(25)).value?.kind
          == .doubleValue(1))
      #expect(
        try await fixture.value(person(1), "profile:score", asOf: daysAgo(31)).status == .notFound)
      try await fixture.withdraw(person(1), "analytics")
      #expect(
        try await fixture.value(person(1), "purchases:spend", asOf: daysAgo(100)).status
          == .withheld)
    }
  }

  @Test("a write is seen by the next read, whatever the cache holds")
  func cacheFollowsWrites() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      for number in 1...20 {
        try await fixture.write([
          fixture.event(person(1), consent, id: "e\(number)", ["amount": .int(1)])
        ])
        #expect(
          try await fixture.value(person(1), "purchases:spend").value?.kind
            == .doubleValue(Double(number)))
      }
      let before = fixture.keys.requestCount
      _ = try await fixture.value(person(1), "purchases:spend")
      #expect(fixture.keys.requestCount == before)
    }
  }

  @Test("reads beside writes never fall behind what was acknowledged before they began")
  func readsBesideWrites() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      let acknowledged = Acknowledged()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for number in 1...60 {
            try await fixture.write([fixture.event(person(1), consent, id: "e\(number)")])
            acknowledged.count.withLock { $0 = number }
          }
        }
        for _ in 0..<2 {
          group.addTask {
            var least = 0
            while least < 60 {
              // A read waits for nothing: the writer must have its turn.
              await Task.yield()
              least = acknowledged.count.withLock { $0 }
              let value = try await fixture.value(person(1), "purchases:lines").value?.kind
              guard case .intValue(let count)? = value else { throw CancellationError() }
              #expect(count >= least)
            }
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test("each call leaves one line in the next batch of reads, with purpose, people and receipts")
  func audit() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      try await fixture.write([fixture.event(person(1), consent, id: "a", ["amount": .int(5)])])
      let log = fixture.service.audit
      let before = try log.records(limit: 100).count
      for _ in 0..<2 { _ = try await fixture.get([person(1), person(2)], ["purchases:spend"]) }
      try await log.flushReads()
      let batches = try log.records(limit: 100).dropFirst(before)
      #expect(batches.allSatisfy { $0.action == AuditLog.readsAction })
      let reads = try batches.flatMap { try log.reads(of: $0.number - 1) }.map(\.record)
      #expect(reads.count == 2)
      let record = try #require(reads.last)
      #expect(record.action == "features.get" && record.purpose == "test")
      #expect(record.pids == [person(1).bytes, person(2).bytes])
      #expect(record.consentIDs == [consent])
    }
  }

  @Test("requests that make no sense are refused")
  func badRequests() async throws {
    try await withFeatureStore { fixture in
      let calls: [() async throws -> GetReply] = [
        { try await fixture.get([], ["purchases:spend"]) },
        { try await fixture.get([person(1)], []) },
        { try await fixture.get([person(1)], ["purchases:nothing"]) },
        {
          try await fixture.get([person(1)], ["purchases:spend"], asOf: Timestamp(microseconds: -1))
        },
        {
          try await fixture.service.get(
            GetRequest(pids: [[1]], features: ["purchases:spend"]),
            context: fixture.context(FeaturesMethods.get))
        },
      ]
      for call in calls {
        let error = await #expect(throws: FeatureStoreError.self) { _ = try await call() }
        #expect(error?.rpcError.code == .invalidArgument)
      }
    }
  }

  @Test("features times people are limited, and so is the size of an answer")
  func sizeLimits() async throws {
    var configuration = FeatureStoreConfiguration()
    configuration.cellCountMax = 2
    configuration.replyByteCountMax = 400
    try await withFeatureStore(configuration: configuration) { fixture in
      #expect(try await fixture.get([person(1), person(2)], ["purchases:spend"]).rows.count == 2)
      let many = await #expect(throws: FeatureStoreError.self) {
        try await fixture.get([person(1), person(2), person(3)], ["purchases:spend"])
      }
      #expect(many?.rpcError.code == .resourceExhausted)
      let consent = try await fixture.grant(person(1), "product_recs")
      try await fixture.write(
        (0..<20).map {
          fixture.event(person(1), consent, id: "e\($0)", ["item": .string("item-\($0)")])
        })
      let large = await #expect(throws: FeatureStoreError.self) {
        try await fixture.get([person(1)], ["purchases:items"])
      }
      #expect(large?.rpcError.code == .resourceExhausted)
    }
  }
}

/// How many writes were acknowledged.
private final class Acknowledged: Sendable {
  let count = Mutex(0)
}
