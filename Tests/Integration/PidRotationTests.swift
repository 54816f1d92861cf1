internal import FeaturesAPI
internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import Synchronization
internal import Testing
internal import VaultAPI
internal import VectorsAPI

extension Integration {
  @Suite("Rotation of pid keys, from real processes")
  struct PidRotationTests {
    /// A customer under both pids.
    private struct Customer: Sendable {
      let person: Shop.Person
      let former: PseudonymousID
      let pid: PseudonymousID
    }

    @Test("everybody gets another pid while reads go on and services are killed, and none is lost")
    func wholeWay() async throws {
      try await withStack { try await rotateWhileKilled($0) }
    }

    private func rotateWhileKilled(_ live: LiveStack) async throws {
      let shop = try await Shop.open(live, peopleCount: 24)
      try await shop.learn()
      let formers = shop.people.compactMap { PseudonymousID(text: $0.pid) }
      try #require(formers.count == shop.people.count)
      // The last two are not read: one withdraws, one is forgotten on the way.
      let reading = try Reading(live, Array(formers.dropLast(2)))
      try await rotate(live, "begin")
      try await advance(live, "dual-write")
      try await kill(live, .consent)
      let customers = try await customers(of: shop, live)
      #expect(Set(customers.map(\.pid)).isDisjoint(with: formers))

      // Taken back under the former pid, it is taken back under both.
      let withdrawn = customers[22]
      try await live.done(
        "tacit-consent", "withdraw", "--pid", "\(withdrawn.former)", "--scope", "analytics")
      for name in [withdrawn.former, withdrawn.pid] {
        #expect(try await lines(live, name) == nil)
      }
      try await kill(live, .features)
      try await kill(live, .vault)
      try await advance(live, "dual-read")
      reading.add(customers.dropLast(2).map(\.pid))
      try await kill(live, .vectors)
      try await kill(live, .features)
      let given = try await pids(of: shop, live).map(\.pid)
      #expect(given == customers.map(\.pid.bytes))

      // Forgotten under the former pid, by everybody.
      let forgotten = customers[23]
      let erased = try await live.done(
        "tacit-consent", "erase", "--pid", "\(forgotten.former)", "--ground", "gdpr-17-1-b",
        "--yes", "--json", as: "privacy-dev")
      #expect(erased.output.contains("\"certified\" : true"), "\(erased)")

      // From the end on nothing is found under a former pid: in a store a moment before its gate knows.
      reading.turn(to: customers.dropLast(2).map(\.pid))
      try await advance(live, "retired")
      try await reading.end()
      for (index, customer) in customers.dropLast(2).enumerated() {
        #expect(try await lines(live, customer.pid) == 6, "customer \(index)")
        // The gates hear of the end with their next lease, the consent service when it next reports.
        try await eventually("a former pid is nobody's") {
          try await lines(live, customer.former) == nil
        }
        try await eventually("nobody's consent is found under a former pid") {
          try await live.run(
            "tacit-consent", "check", "--pid", "\(customer.former)", "--scope", "analytics"
          ).status == 1
        }
      }
      for name in [forgotten.former, forgotten.pid, withdrawn.pid] {
        #expect(try await lines(live, name) == nil)
      }
      // A late list of the CRM brings nobody back, although the vault cannot know the next pid of
      // somebody whose identifiers are gone.
      let late = try live.file("late.txt", forgotten.person.address + "\n")
      let refused = try await live.run(
        "tacit-vault", "pseudonymize", late, "--create", "--json")
      #expect(!refused.output.contains("\"known\":true"), "\(refused)")

      let status = try await live.done("tacit-vault", "rotation", "pids", "status", "--json")
        .json(Status.self)
      #expect(status.phase == "retired")
      for service in ["consent", "features", "vectors"] {
        let told = try #require(status.services.first { $0.service == service })
        #expect(told.scan?.formerRows == 0 && told.scan?.unknownRows == 0)
      }
      // And orders go on being read under the new pids.
      try await live.done(
        "tacit", shop.ingestArguments(try shop.orders("more.csv", linesPerPerson: 7)))
    }

    // MARK: - Steps

    private struct Status: Decodable {
      struct Service: Decodable {
        struct Scan: Decodable {
          let formerRows: UInt64
          let unknownRows: UInt64

          enum CodingKeys: String, CodingKey {
            case formerRows = "former_rows"
            case unknownRows = "unknown_rows"
          }
        }

        let service: String
        let scan: Scan?
      }

      let phase: String
      let services: [Service]
    }

    private func rotate(_ live: LiveStack, _ words: String...) async throws {
      try await live.done("tacit-vault", ["rotation", "pids"] + words)
    }

    private func advance(_ live: LiveStack, _ phase: String) async throws {
      try await rotate(live, "advance", phase, "--wait")
    }

    private func kill(_ live: LiveStack, _ service: WellKnownService) async throws {
      try await live.kill9(service)
      try await live.restart(service)
    }

    private func pids(of shop: Shop, _ live: LiveStack) async throws -> [Pseudonym] {
      let client = try live.stack.client(of: .vault, as: "admin-dev")
      let reply = try await VaultClient(client).pseudonymize(
        PseudonymizeRequest(
          identifiers: shop.people.map { Identifier(kind: .email, value: $0.address) }, both: true))
      await client.close()
      return reply.pseudonyms
    }

    /// The customers under both pids, once the vault gives both out.
    private func customers(of shop: Shop, _ live: LiveStack) async throws -> [Customer] {
      var pseudonyms: [Pseudonym] = []
      try await eventually("every renaming is known to the gates") {
        pseudonyms = try await pids(of: shop, live)
        return pseudonyms.allSatisfy { !$0.otherPid.isEmpty }
      }
      var customers: [Customer] = []
      for (person, pseudonym) in zip(shop.people, pseudonyms) {
        let former = try #require(PseudonymousID(bytes: pseudonym.pid))
        let pid = try #require(PseudonymousID(bytes: pseudonym.otherPid))
        #expect("\(former)" == person.pid)
        customers.append(Customer(person: person, former: former, pid: pid))
      }
      return customers
    }

    /// How many lines the feature store serves of a person; `nil` where none is served.
    private func lines(_ live: LiveStack, _ pid: PseudonymousID) async throws -> Int64? {
      let client = try live.stack.client(of: .features, as: "marketing-dev")
      defer { Task { await client.close() } }
      let reply = try await FeaturesClient(client).get(Self.request(pid))
      guard let feature = reply.rows.first?.features.first, feature.status == .present else {
        return nil
      }
      guard case .intValue(let count)? = feature.value?.kind else { return nil }
      return count
    }

    fileprivate static func request(_ pid: PseudonymousID) -> GetRequest {
      GetRequest(pids: [pid.bytes], features: ["purchases:lines"], purpose: "test")
    }
  }
}

/// Reads people one after another until it is ended, and notes whoever is not found.
private final class Reading: Sendable {
  private let pids: Mutex<[PseudonymousID]>
  private let outcome = Mutex<(served: Int, missing: [String])>((0, []))
  private let tasks = Mutex<[Task<Void, Never>]>([])

  init(_ live: LiveStack, _ pids: [PseudonymousID]) throws {
    self.pids = Mutex(pids)
    for start in 0..<2 {
      let connection = try live.stack.client(of: .features, as: "marketing-dev")
      tasks.withLock { tasks in
        tasks.append(Task { await self.read(connection, from: start) })
      }
    }
  }

  /// Reads these too from now on.
  func add(_ more: [PseudonymousID]) { pids.withLock { $0 += more } }

  /// Reads only these from now on.
  func turn(to others: [PseudonymousID]) { pids.withLock { $0 = others } }

  /// Ends, and says what was seen.
  func end() async throws {
    for task in tasks.withLock({ $0 }) {
      task.cancel()
      await task.value
    }
    let (served, missing) = outcome.withLock { $0 }
    print("\(served) reads while pids were rotated")
    #expect(missing.isEmpty)
    #expect(served > 1_000)
  }

  private func read(_ connection: RPCClient, from start: Int) async {
    let client = FeaturesClient(connection)
    var index = start
    while !Task.isCancelled {
      let pid = pids.withLock { $0[index % $0.count] }
      index += 1
      do {
        let reply = try await client.get(
          Integration.PidRotationTests.request(pid),
          options: CallOptions(timeoutMs: 1_000, connectsAtOnce: true))
        note(pid, reply.rows.first?.features.first?.status)
      } catch {
        // The service was killed, or has no line to the vault for a moment.
        try? await Task.sleep(for: .milliseconds(2))
      }
    }
    await connection.close()
  }

  private func note(_ pid: PseudonymousID, _ status: FeatureStatus?) {
    outcome.withLock { outcome in
      switch status {
      case .present: outcome.served += 1
      // A gate that has just come back knows nobody until it has read the log.
      case .withheld: break
      default: outcome.missing.append("\(pid): \(String(describing: status))")
      }
    }
  }
}
