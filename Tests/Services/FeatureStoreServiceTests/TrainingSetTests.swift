internal import FeatureStoreService
internal import FeaturesAPI
internal import Gate
internal import PrivacyCore
internal import RPC
internal import Synchronization
internal import TestSupport
internal import Testing

@Suite("The training set")
struct TrainingSetTests {
  @Test("it holds those who allow the scope, each feature behind its own scope")
  func onlyConsenting() async throws {
    try await withFeatureStore { fixture in
      for number in 0..<40 {
        let consent =
          number % 2 == 0
          ? try await fixture.grant(person(number), "analytics", "product_recs")
          : try await fixture.grant(person(number), number % 4 == 1 ? "analytics" : "product_recs")
        try await fixture.write([
          fixture.event(
            person(number), consent, id: "e", ["amount": .int(Int64(number)), "item": .string("x")])
        ])
      }
      try await fixture.withdraw(person(0), "analytics")
      let batches = try await fixture.trainingSet(
        ["purchases:spend", "purchases:items"], scope: "analytics")
      let rows = batches.flatMap(\.rows)
      let expected = (1..<40).filter { $0 % 4 != 3 }.map { person($0) }.sorted()
      #expect(rows.map(\.pid) == expected.map(\.bytes))
      #expect(batches.flatMap(\.consentIDs).count == rows.count)
      #expect(batches.flatMap(\.consentIDs).allSatisfy { $0.hasPrefix("c_") })
      let last = try #require(batches.last)
      #expect(last.peopleSeen == 40 && last.peopleTotal == 40 && last.peopleWithheld == 11)
      for row in rows {
        let number = (0..<40).first { person($0).bytes == row.pid } ?? 0
        #expect(row.features[0].value?.kind == .doubleValue(Double(number)))
        #expect(row.features[1].status == (number % 2 == 0 ? .present : .withheld))
      }
    }
  }

  @Test("pages and batches of any size give the same people once")
  func paging() async throws {
    var configuration = FeatureStoreConfiguration()
    configuration.trainingPageCount = 7
    configuration.trainingBatchByteCount = 300
    try await withFeatureStore(configuration: configuration) { fixture in
      for number in 0..<21 {
        let consent = try await fixture.grant(person(number), "analytics")
        try await fixture.write([fixture.row(person(number), consent, ["score": .int(1)])])
      }
      let batches = try await fixture.trainingSet(["profile:*"], scope: "analytics")
      #expect(batches.count > 5)
      #expect(Set(batches.flatMap(\.rows).map(\.pid)).count == 21)
      #expect(batches.map(\.peopleSeen) == batches.map(\.peopleSeen).sorted())
    }
  }

  @Test("an empty store gives one empty batch, and bad requests none")
  func empty() async throws {
    try await withFeatureStore { fixture in
      let batches = try await fixture.trainingSet(["purchases:*"], scope: "analytics")
      #expect(batches == [TrainingBatch()])
      for (features, scope) in [(["purchases:*"], ""), ([], "analytics"), (["x:y"], "analytics")] {
        let error = await #expect(throws: FeatureStoreError.self) {
          try await fixture.trainingSet(features, scope: scope)
        }
        #expect(error?.rpcError.code == .invalidArgument)
      }
    }
  }

  @Test("it is of one snapshot, but a withdrawal half-way counts for those not yet sent")
  func snapshotAndWithdrawal() async throws {
    var configuration = FeatureStoreConfiguration()
    configuration.trainingPageCount = 1
    configuration.trainingBatchByteCount = 1
    try await withFeatureStore(configuration: configuration) { fixture in
      let pids = (0..<4).map { person($0) }.sorted()
      var consents: [PseudonymousID: String] = [:]
      for pid in pids {
        consents[pid] = try await fixture.grant(pid, "analytics", "product_recs")
        try await fixture.write([
          fixture.event(pid, consents[pid] ?? "", id: "a", ["amount": .int(1)])
        ])
      }
      let rows = Mutex<[FeatureRow]>([])
      try await fixture.service.trainingSet(
        TrainingSetRequest(features: ["purchases:spend"], scope: "analytics"),
        context: fixture.context(FeaturesMethods.trainingSet)
      ) { batch in
        let isFirst = rows.withLock { rows in
          defer { rows += batch.rows }
          return rows.isEmpty
        }
        guard isFirst else { return }
        try await fixture.withdraw(pids[2], "analytics")
        try await fixture.write([
          fixture.event(pids[3], consents[pids[3]] ?? "", id: "b", ["amount": .int(9)])
        ])
      }
      let sent = rows.withLock { $0 }
      #expect(sent.map(\.pid) == [pids[0], pids[1], pids[3]].map(\.bytes))
      #expect(sent.last?.features[0].value?.kind == .doubleValue(1))
    }
  }

  @Test("without a lease it fails as UNAVAILABLE, rather than withhold everybody")
  func noLease() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      try await fixture.write([fixture.event(person(1), consent, id: "a", ["amount": .int(1)])])
      fixture.service.gate.endLease()
      let batchCount = Mutex(0)
      let error = await #expect(throws: FeatureStoreError.self) {
        try await fixture.service.trainingSet(
          TrainingSetRequest(features: ["purchases:spend"], scope: "analytics"),
          context: fixture.context(FeaturesMethods.trainingSet)
        ) { _ in batchCount.withLock { $0 += 1 } }
      }
      #expect(error?.rpcError.code == .unavailable)
      #expect(batchCount.withLock { $0 } == 0)
    }
  }

  @Test(
    "a lease lost half-way fails it, also where another one comes before the end",
    arguments: [false, true])
  func leaseLostHalfWay(comesBack: Bool) async throws {
    var configuration = FeatureStoreConfiguration()
    configuration.trainingBatchByteCount = 1
    try await withFeatureStore(configuration: configuration) { fixture in
      for number in 0..<3 {
        let consent = try await fixture.grant(person(number), "analytics")
        try await fixture.write([
          fixture.event(person(number), consent, id: "a", ["amount": .int(1)])
        ])
      }
      let batchCount = Mutex(0)
      let error = await #expect(throws: FeatureStoreError.self) {
        try await fixture.service.trainingSet(
          TrainingSetRequest(features: ["purchases:spend"], scope: "analytics"),
          context: fixture.context(FeaturesMethods.trainingSet)
        ) { _ in
          let number = batchCount.withLock { count in
            count += 1
            return count
          }
          if number == 1 { fixture.service.gate.endLease() }
          fixture.time.advance(microseconds: 1)
          if number == 2, comesBack { fixture.service.gate.giveLease() }
        }
      }
      #expect(error?.rpcError.code == .unavailable)
    }
  }

  @Test("as many sets as configured are read at one time, one more is refused")
  func concurrencyLimit() async throws {
    var configuration = FeatureStoreConfiguration()
    configuration.trainingSetCountMax = 1
    try await withFeatureStore(configuration: configuration) { fixture in
      try await fixture.service.trainingSet(
        TrainingSetRequest(features: ["purchases:spend"], scope: "analytics"),
        context: fixture.context(FeaturesMethods.trainingSet)
      ) { _ in
        let error = await #expect(throws: FeatureStoreError.self) {
          try await fixture.trainingSet(["purchases:spend"], scope: "analytics")
        }
        #expect(error?.rpcError.code == .resourceExhausted)
      }
      #expect(try await fixture.trainingSet(["purchases:spend"], scope: "analytics").count == 1)
    }
  }
}
