internal import AuditLog
internal import Cryptography
internal import DifferentialPrivacy
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing
internal import TrainerService

@Suite("The privacy ledger")
struct PrivacyLedgerTests {
  private static let principal = "spiffe://tacit/user/analyst/ben"

  /// Runs `body` with a ledger; `reopen` closes its store and opens it again.
  private func withLedger(
    _ body: (PrivacyLedger, BudgetKey) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory in
      let store = try Self.store(at: directory)
      defer { store.close() }
      try await body(try Self.ledger(in: store), try BudgetKey(dataset: "orders", purpose: "test"))
    }
  }

  private static func store(at directory: URL) throws -> SealedStore {
    let key = try SealingKey(
      id: KeyID(rawValue: 1), secret: SecretBytes(copying: [UInt8](repeating: 7, count: 32)))
    return try SealedStore.open(
      at: directory, keys: SealingKeyRing(current: key),
      tables: TrainerService.tables + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: "trainer"))
  }

  private static func ledger(in store: SealedStore) throws -> PrivacyLedger {
    let time = ManualTime()
    return try PrivacyLedger(store: store, audit: AuditLog(store: store, time: time), time: time)
  }

  private static func plan(_ epsilon: Double) throws -> ReleasePlan {
    try ReleasePlan(
      spending: PrivacyParameters(epsilon: epsilon, delta: 1e-5),
      on: [ReleasePlan.Part(dimension: 10)])
  }

  private static func reserve(
    _ epsilon: Double, _ key: BudgetKey, _ ledger: PrivacyLedger
  ) async throws -> ChargeID {
    let plan = try plan(epsilon)
    let reservation = try await ledger.reserve(
      plan, from: key, operation: "test", mechanism: "discrete-gaussian", principal: principal)
    return reservation.charge
  }

  @Test(
    "a budget of no, a negative or an endless epsilon is refused",
    arguments: [0, -1, Double.nan, .infinity])
  func badEpsilon(epsilon: Double) async throws {
    try await withLedger { ledger, key in
      await #expect(throws: TrainerError.self) {
        _ = try await ledger.open(
          key, epsilonLimit: epsilon, delta: 1e-5, principal: Self.principal)
      }
    }
  }

  @Test("a delta outside 0 and 1 is refused", arguments: [0, 1, -1, Double.nan])
  func badDelta(delta: Double) async throws {
    try await withLedger { ledger, key in
      await #expect(throws: TrainerError.self) {
        _ = try await ledger.open(key, epsilonLimit: 1, delta: delta, principal: Self.principal)
      }
    }
  }

  @Test("a budget can be opened again as it is, and not raised")
  func fixed() async throws {
    try await withLedger { ledger, key in
      for _ in 0..<2 {
        _ = try await ledger.open(key, epsilonLimit: 1, delta: 1e-5, principal: Self.principal)
      }
      await #expect(throws: TrainerError.self) {
        _ = try await ledger.open(key, epsilonLimit: 2, delta: 1e-5, principal: Self.principal)
      }
    }
  }

  @Test("nothing is charged without a budget")
  func unknownBudget() async throws {
    try await withLedger { ledger, key in
      await #expect(throws: TrainerError.self) { _ = try await Self.reserve(0.1, key, ledger) }
    }
  }

  @Test("a charge that does not fit is refused and costs nothing")
  func hardStop() async throws {
    try await withLedger { ledger, key in
      _ = try await ledger.open(key, epsilonLimit: 1, delta: 1e-5, principal: Self.principal)
      try await ledger.settle(try await Self.reserve(0.5, key, ledger))
      let spent = try ledger.state(of: key).epsilonSpent()
      #expect(spent > 0.4 && spent < 0.7)
      await #expect(throws: TrainerError.self) { _ = try await Self.reserve(1, key, ledger) }
      #expect(try ledger.state(of: key).epsilonSpent() == spent)
    }
  }

  @Test("many callers at once can not overspend")
  func concurrency() async throws {
    try await withLedger { ledger, key in
      _ = try await ledger.open(key, epsilonLimit: 1, delta: 1e-5, principal: Self.principal)
      let admitted = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<64 {
          group.addTask { (try? await Self.reserve(0.4, key, ledger)) != nil }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(admitted >= 2)
      #expect(try ledger.state(of: key).epsilonSpent() <= 1)
      try ledger.verify()
    }
  }

  @Test("what was reserved before a crash stays spent")
  func crash() async throws {
    try await withTemporaryDirectory { directory in
      let key = try BudgetKey(dataset: "orders", purpose: "test")
      var store = try Self.store(at: directory)
      var ledger = try Self.ledger(in: store)
      _ = try await ledger.open(key, epsilonLimit: 1, delta: 1e-5, principal: Self.principal)
      _ = try await Self.reserve(0.5, key, ledger)
      let spent = try ledger.state(of: key).epsilonSpent()
      store.close()
      store = try Self.store(at: directory)
      defer { store.close() }
      ledger = try Self.ledger(in: store)
      #expect(spent > 0)
      #expect(try ledger.state(of: key).epsilonSpent() == spent)
      try ledger.verify()
    }
  }
}
