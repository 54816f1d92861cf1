internal import ConsentAPI
internal import FeaturesAPI
internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import Synchronization
internal import Testing
internal import VectorsAPI

extension Integration {
  /// The simulation's question (Tests/Simulation) asked of real processes, with fewer faults and
  /// the machine's own timing.
  @Suite("Withdrawals while processes are killed and stopped")
  struct WithdrawalFaultTests {
    enum Fault: String, CaseIterable, Sendable {
      case killed, stopped
    }

    /// One withdrawal and what goes wrong in it.
    struct Strike: Sendable {
      let service: WellKnownService
      let fault: Fault
      /// From the call to the fault: from before the receipt is durable to behind the reply.
      let delay: Duration
    }

    private static let delays: [Duration] = [
      .zero, .microseconds(500), .milliseconds(1), .milliseconds(2), .milliseconds(4),
      .milliseconds(40),
    ]

    private static let strikes = [WellKnownService.consent, .features, .vectors].flatMap {
      service in
      Fault.allCases.flatMap { fault in
        delays.map { Strike(service: service, fault: fault, delay: $0) }
      }
    }

    @Test("no read that begins after the reply is served, and no acknowledged receipt is lost")
    func everyStep() async throws {
      let strikes = Self.strikes
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: strikes.count + 8)
        try await shop.learn()
        let watch = ReadWatch()
        let readers = try (0..<2).flatMap { _ in
          [try featuresReader(shop, watch), try vectorsReader(shop, watch)]
        }
        let client = try live.stack.client(of: .consent, as: "privacy-dev")
        for (strike, person) in zip(strikes, shop.people) {
          try await withdraw(person, strike, shop, client, watch)
        }
        // Everybody else is still served, so the readers did not only meet closed doors.
        try await Task.sleep(for: .milliseconds(300))
        for reader in readers { reader.cancel() }
        for reader in readers { await reader.value }
        try await expectKept(watch, client)
        await client.close()
        let (violations, silent, served) = watch.result
        print(
          "\(strikes.count) withdrawals, \(silent) reads of what they took away, \(served) of "
            + "other data")
        #expect(violations.isEmpty)
        #expect(silent > strikes.count)
        #expect(served > strikes.count)
      }
    }

    // MARK: - One withdrawal

    private func withdraw(
      _ person: Shop.Person, _ strike: Strike, _ shop: Shop, _ client: RPCClient, _ watch: ReadWatch
    ) async throws {
      let pid = try #require(PseudonymousID(text: person.pid))
      let request = WithdrawRequest(
        pid: pid.bytes, source: "test", idempotencyKey: "withdrawal-\(person.number)")
      let calling = Task { try await acknowledged(request, client) }
      try await Task.sleep(for: strike.delay)
      switch strike.fault {
      case .killed:
        try await shop.live.kill9(strike.service)
        try await shop.live.restart(strike.service)
      case .stopped:
        try shop.live.signal(strike.service, SIGSTOP)
        try await Task.sleep(for: .milliseconds(350))
        try shop.live.signal(strike.service, SIGCONT)
      }
      watch.acknowledge(try await calling.value, of: person.pid)
    }

    /// Asks until there is an answer.
    private func acknowledged(
      _ request: WithdrawRequest, _ client: RPCClient
    ) async throws -> Receipt {
      let end = ContinuousClock.now + .seconds(20)
      while true {
        do {
          let reply = try await ConsentClient(client).withdraw(
            request, options: CallOptions(timeoutMs: 2_000, connectsAtOnce: true))
          return try #require(reply.receipt)
        } catch let error as RPCError {
          guard ContinuousClock.now < end else { throw error }
          try await Task.sleep(for: .milliseconds(5))
        }
      }
    }

    /// Every acknowledged receipt is there as it was acknowledged.
    private func expectKept(_ watch: ReadWatch, _ client: RPCClient) async throws {
      for receipt in watch.receipts {
        let found = try await ConsentClient(client).show(ShowRequest(consentID: receipt.consentID))
        #expect(found == receipt)
      }
    }

    // MARK: - Readers

    private func featuresReader(_ shop: Shop, _ watch: ReadWatch) throws -> Task<Void, Never> {
      let connection = try shop.live.stack.client(of: .features, as: "marketing-dev")
      let client = FeaturesClient(connection)
      let asOf = try #require(Timestamp(rfc3339: "2026-06-20")).microseconds
      return read(shop, watch, connection) { pid in
        let reply = try await client.get(
          GetRequest(pids: [pid.bytes], features: ["purchases:*"], asOfUs: asOf, purpose: "test"),
          options: CallOptions(timeoutMs: 1_000, connectsAtOnce: true))
        return reply.rows.flatMap(\.features).contains { $0.status == .present }
      }
    }

    private func vectorsReader(_ shop: Shop, _ watch: ReadWatch) throws -> Task<Void, Never> {
      let connection = try shop.live.stack.client(of: .vectors, as: "marketing-dev")
      let client = VectorsClient(connection)
      let asOf = try #require(Timestamp(rfc3339: "2026-06-20")).microseconds
      return read(shop, watch, connection) { pid in
        let reply = try await client.recommend(
          RecommendRequest(
            pid: pid.bytes, collection: "items", k: 5, candidates: .all,
            historyFeature: "purchases:items", scope: "product_recs", asOfUs: asOf,
            purpose: "test"),
          options: CallOptions(timeoutMs: 1_000, connectsAtOnce: true))
        return reply.basis == .personal
      }
    }

    /// Asks about one customer after another until it is cancelled.
    private func read(
      _ shop: Shop, _ watch: ReadWatch, _ connection: RPCClient,
      _ isServed: @escaping @Sendable (PseudonymousID) async throws -> Bool
    ) -> Task<Void, Never> {
      let people = shop.people
      return Task {
        var index = 0
        while !Task.isCancelled {
          let person = people[index % people.count]
          index += 1
          guard let pid = PseudonymousID(text: person.pid) else { continue }
          let isForbidden = watch.isForbidden(person.pid)
          do {
            watch.note(person.pid, isForbidden: isForbidden, isServed: try await isServed(pid))
          } catch {
            // A service that is away or has no lease serves nobody.
            try? await Task.sleep(for: .milliseconds(2))
          }
        }
        await connection.close()
      }
    }
  }
}

/// What was acknowledged, and what was read after that.
private final class ReadWatch: Sendable {
  private struct State {
    var acknowledged: [String: Receipt] = [:]
    var violations: [String] = []
    var silentCount = 0
    var servedCount = 0
  }

  private let state = Mutex(State())

  func acknowledge(_ receipt: Receipt, of pid: String) {
    state.withLock { $0.acknowledged[pid] = receipt }
  }

  var receipts: [Receipt] { state.withLock { Array($0.acknowledged.values) } }

  /// To be asked before a read begins.
  func isForbidden(_ pid: String) -> Bool { state.withLock { $0.acknowledged[pid] != nil } }

  func note(_ pid: String, isForbidden: Bool, isServed: Bool) {
    state.withLock { state in
      switch (isForbidden, isServed) {
      case (true, true): state.violations.append("\(pid) was served after the reply")
      case (true, false): state.silentCount += 1
      case (false, true): state.servedCount += 1
      case (false, false): break
      }
    }
  }

  var result: (violations: [String], silent: Int, served: Int) {
    state.withLock { ($0.violations, $0.silentCount, $0.servedCount) }
  }
}
