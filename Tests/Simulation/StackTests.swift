import ConsentAPI
import FeaturesAPI
import Foundation
import PrivacyCore
import RPC
import ServiceKit
import SimulatedStack
import Simulation
import TestSupport
import Testing
import TrainerAPI
import VaultAPI
import VectorsAPI

/// The five services in one simulated world: what depends on several of them, under faults that no
/// test with real processes can time.
@Suite("The five services in a simulated world")
struct StackTests {
  @Test("features are served under consent and withheld behind the withdrawal's answer")
  func features() async throws {
    try await withStack { stack in
      let person = try newPerson(stack)
      #expect(try statuses(stack, person) == [.present, .present])
      try withdraw(stack, person)
      #expect(try statuses(stack, person) == [.withheld, .withheld])
    }
  }

  @Test("a feature store cut off from the consent service withholds once its lease has run out")
  func featuresCutOff() async throws {
    try await withStack { stack in
      let person = try newPerson(stack)
      stack.block(.features, .consent)
      // The withdrawal cannot reach it; its answer waits for the lease.
      let start = stack.world.now
      let gates = try withdraw(stack, person)
      #expect(gates.contains { $0.gate == "features" && !$0.confirmed })
      #expect(stack.world.now - start >= 150_000)
      #expect(try statuses(stack, person) == [.withheld, .withheld])
      stack.block(.features, .consent, false)
      stack.world.run(for: 5_000_000)
      #expect(try statuses(stack, person) == [.withheld, .withheld])
    }
  }

  @Test("the vault gives a person the same pid in every life, and no second one")
  func vaultLives() async throws {
    try await withStack { stack in
      let pid = try pseudonym(stack, "ann@example.com", create: true)
      for _ in 0..<3 {
        stack.kill(.vault)
        stack.start(.vault)
        stack.world.run(for: 200_000)
        #expect(try pseudonym(stack, "ann@example.com", create: false) == pid)
      }
      #expect(stack.failures.isEmpty)
    }
  }

  @Test("without the vault nothing personal is written, and known keys still open what is there")
  func featuresWithoutVault() async throws {
    try await withStack { stack in
      let person = try newPerson(stack)
      let other = try grant(stack, try pseudonym(stack, "bob@example.com", create: true))
      #expect(try statuses(stack, person) == [.present, .present])
      stack.block(.features, .vault)
      #expect(try statuses(stack, person) == [.present, .present])
      #expect(throws: RPCError.self) { try write(stack, other, timeoutMs: 2_000) }
      stack.block(.features, .vault, false)
      stack.world.run(for: 60_000_000)
      #expect(try write(stack, other) == 1)
    }
  }

  @Test("a question about people that its gate cannot answer for is refused and costs nothing")
  func trainerWithoutLease() async throws {
    try await withStack { stack in
      _ = try newPerson(stack)
      _ = try stack.call { caller in
        try await TrainerClient(try caller.client(of: .trainer)).createBudget(
          CreateBudgetRequest(
            dataset: "profile", purpose: "test", epsilonLimit: 2, delta: 1e-6))
      }
      stack.block(.trainer, .consent)
      stack.world.run(for: 1_000_000)
      #expect(throws: RPCError.self) { try query(stack) }
      #expect(try epsilonSpent(stack) == 0)
      stack.block(.trainer, .consent, false)
      stack.world.run(for: 5_000_000)
      _ = try query(stack)
      #expect(try epsilonSpent(stack) > 0)
    }
  }

  @Test("a person's vector is found under consent, and not behind the withdrawal's answer")
  func vectors() async throws {
    try await withStack { stack in
      let person = try grant(stack, try pseudonym(stack, "ann@example.com", create: true))
      _ = try stack.call { caller in
        let client = VectorsClient(try caller.client(of: .vectors))
        _ = try await client.createCollection(
          CreateCollectionRequest(
            name: "people", dimension: 2, metric: .cosine, subject: .person, scope: "analytics"))
        let vector = Vector(id: person.pid.bytes, values: [1, 0], consentID: person.consentID)
        let reply = try await client.upsert(
          UpsertRequest(collection: "people", vectors: [vector]))
        #expect(reply.written == 1, "\(reply.rejections)")
      }
      #expect(try hits(stack) == [person.pid.bytes])
      // It forgets all keys, and opens the vector again with the vault's.
      stack.kill(.vectors)
      stack.start(.vectors)
      stack.world.run(for: 3_000_000)
      #expect(try hits(stack) == [person.pid.bytes])
      try withdraw(stack, person)
      #expect(try hits(stack) == [])
    }
  }

  @Test("an erasure that the vault could not carry out is carried out when it is back")
  func erasureWithoutVault() async throws {
    try await withStack { stack in
      let person = try newPerson(stack)
      stack.kill(.vault)
      let request = EraseRequest(
        pid: person.pid.bytes, ground: "gdpr-17-1-b", source: "simulation:v1")
      #expect(throws: RPCError.self) {
        try stack.call { caller in
          try await ConsentClient(try caller.client(of: .consent)).erase(
            request, options: CallOptions(timeoutMs: 20_000))
        }
      }
      #expect(try statuses(stack, person).allSatisfy { $0 != .present })
      stack.start(.vault)
      stack.world.run(for: 10_000_000)
      let shown = try stack.call { caller in
        try await VaultClient(try caller.client(of: .vault)).show(
          VaultAPI.ShowRequest(pid: person.pid.bytes))
      }
      #expect(shown?.forgotten == true && shown?.hasSubjectKey == false)
    }
  }

  // MARK: - Parts

  private struct Person {
    let pid: PseudonymousID
    let consentID: String
  }

  private func withStack(_ body: (SimulatedStack) throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let stack = SimulatedStack(seed: 1, keys: directory)
      defer { stack.world.end() }
      try #require(stack.failures.isEmpty, "\(stack.failures)")
      try body(stack)
    }
  }

  private static let views = """
    views:
      - name: profile
        entity: customer
        features:
          - {name: segment, type: string, scope: analytics}
          - {name: score, type: double, scope: analytics}
    """

  /// A person who has allowed analytics, with a row in the feature store.
  private func newPerson(_ stack: SimulatedStack) throws -> Person {
    let person = try grant(stack, try pseudonym(stack, "ann@example.com", create: true))
    _ = try stack.call { caller in
      try await FeaturesClient(try caller.client(of: .features)).applyViews(
        ApplyViewsRequest(yaml: Self.views))
    }
    #expect(try write(stack, person) == 1)
    return person
  }

  private func pseudonym(
    _ stack: SimulatedStack, _ address: String, create: Bool
  ) throws -> PseudonymousID {
    let reply = try stack.call { caller in
      try await VaultClient(try caller.client(of: .vault)).pseudonymize(
        PseudonymizeRequest(
          identifiers: [Identifier(kind: .email, value: address)], create: create))
    }
    return try #require(
      reply?.pseudonyms.first.flatMap { PseudonymousID(bytes: $0.pid) }, "\(stack.failures)")
  }

  private func grant(_ stack: SimulatedStack, _ pid: PseudonymousID) throws -> Person {
    let request = GrantRequest(
      pid: pid.bytes, scopes: ["analytics"],
      expiresAtUs: ProcessTime.epoch.advanced(byMicroseconds: 31_536_000_000_000).microseconds,
      source: "simulation:v1", version: 1)
    let reply = try stack.call { caller in
      try await ConsentClient(try caller.client(of: .consent)).grant(request)
    }
    stack.world.run(for: 100_000)
    return Person(pid: pid, consentID: try #require(reply?.receipt?.consentID))
  }

  @discardableResult
  private func withdraw(_ stack: SimulatedStack, _ person: Person) throws -> [GateOutcome] {
    let request = WithdrawRequest(
      pid: person.pid.bytes, scopes: ["analytics"], source: "simulation:v1")
    let reply = try stack.call { caller in
      try await ConsentClient(try caller.client(of: .consent)).withdraw(request)
    }
    return try #require(reply).gates
  }

  /// How many rows were written.
  @discardableResult
  private func write(
    _ stack: SimulatedStack, _ person: Person, timeoutMs: Int = 10_000
  ) throws -> UInt32? {
    let row = Row(
      pid: person.pid.bytes, consentID: person.consentID,
      eventTimeUs: ProcessTime.epoch.microseconds,
      fields: [
        Field(name: "segment", value: Value(kind: .stringValue("regular"))),
        Field(name: "score", value: Value(kind: .doubleValue(0.5))),
      ])
    return try stack.call { caller in
      try await FeaturesClient(try caller.client(of: .features)).writeRows(
        WriteRowsRequest(view: "profile", rows: [row]), options: CallOptions(timeoutMs: timeoutMs))
    }?.written
  }

  private func statuses(_ stack: SimulatedStack, _ person: Person) throws -> [FeatureStatus] {
    let request = GetRequest(
      pids: [person.pid.bytes], features: ["profile:*"], purpose: "test")
    let reply = try stack.call { caller in
      try await FeaturesClient(try caller.client(of: .features)).get(request)
    }
    return try #require(reply?.rows.first).features.map(\.status)
  }

  private func query(_ stack: SimulatedStack) throws -> QueryReply? {
    try stack.call { caller in
      try await TrainerClient(try caller.client(of: .trainer)).query(
        QueryRequest(
          dataset: "profile", purpose: "test", feature: "profile:segment", epsilon: 0.5,
          scope: "analytics"))
    }
  }

  private func epsilonSpent(_ stack: SimulatedStack) throws -> Double {
    let budget = try stack.call { caller in
      try await TrainerClient(try caller.client(of: .trainer)).showBudget(
        ShowBudgetRequest(dataset: "profile", purpose: "test"))
    }
    return try #require(budget).epsilonSpent
  }

  private func hits(_ stack: SimulatedStack) throws -> [[UInt8]] {
    let reply = try stack.call { caller in
      try await VectorsClient(try caller.client(of: .vectors)).search(
        SearchRequest(collection: "people", vector: [1, 0], k: 5, purpose: "test"))
    }
    return try #require(reply).hits.map(\.id)
  }
}
