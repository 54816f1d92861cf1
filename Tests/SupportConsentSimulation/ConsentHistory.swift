internal import CommonAPI
internal import ConsentAPI
internal import ConsentService
internal import Gate
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import Simulation

/// What came of one history.
package struct HistoryOutcome: Sendable {
  /// What decided everything in it.
  package var seed: UInt64
  /// What must not have happened, at most ten.
  package var violations: [String] = []
  /// The withdrawals, refusals, objections, restrictions and erasures that were acknowledged.
  package var withdrawalCount = 0
  /// The reads of what they took away that gates refused.
  package var readCount = 0
  /// The reads that waited for a consistency token.
  package var tokenReadCount = 0
  /// The people who got another pid, as every gate knows.
  package var renamingCount = 0
  /// The steps that processes took.
  package var stepCount = 0
  /// Simulated microseconds.
  package var microseconds: Int64 = 0
  /// How often each kind of fault struck.
  package var faults: [String: Int] = [:]
  /// The longest withdrawal, from the call to its reply, retries included, in microseconds.
  package var withdrawalMicrosecondsMax: Int64 = 0
}

/// One randomised history of a consent service with three gates: people grant, refuse, withdraw,
/// object, have the use of their data restricted and are forgotten while something goes wrong,
/// mostly in the middle of a withdrawal. Its seed decides everything.
///
/// `@unchecked Sendable`: see `World`.
package final class ConsentHistory: @unchecked Sendable {
  private let world: World
  private let room: ConsentRoom
  private let checker: HistoryChecker
  private var nemesis: Nemesis
  private let people: [PseudonymousID]
  private let scopes: [Scope]
  private let leaseMicroseconds: Int64
  private var outcome: HistoryOutcome
  private var isClientDone = false
  private var isAuditDone = false

  /// How many things the client does.
  private let operationCount: Int

  /// The history of `seed`.
  package init(seed: UInt64) throws {
    world = World(seed: seed)
    outcome = HistoryOutcome(seed: seed)
    world.network.keepsRecords = true
    world.network.usualLink.splitPerMille = 50
    var configuration = ConsentConfiguration()
    // Short leases make short histories; the usual one has its turn.
    let turn = world.random.next() % 20
    configuration.leaseMs = turn == 0 ? 250 : turn < 4 ? 50 : 20
    configuration.driftGuardMs = max(2, configuration.leaseMs / 10)
    configuration.grantSettleMs = 2
    configuration.feedBatchCount = 2
    configuration.renamingPollMs = 5
    leaseMicroseconds = Int64(configuration.leaseMs) * 1_000
    scopes = Array(configuration.scopes.prefix(2))
    room = try ConsentRoom(world, configuration: configuration)
    checker = HistoryChecker(room)
    nemesis = Nemesis(room, lengthMax: leaseMicroseconds * 2)
    operationCount = 3 + Int(world.random.next() % 4)
    var random = world.random
    people = (0..<2).compactMap { _ in
      PseudonymousID(bytes: (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    }
  }

  /// Has `trace` told what happens.
  package func trace(_ trace: @escaping (String) -> Void) { room.trace = trace }

  /// Runs it and judges it.
  package func run() -> HistoryOutcome {
    room.startVault()
    room.startConsent()
    for name in ConsentRoom.gateNames { room.startGate(name) }
    world.observer = { [checker] process in
      if ConsentRoom.gateNames.contains(process.name) { checker.read(process.name) }
    }
    startClient()
    let patience = 30 * leaseMicroseconds + 10_000_000
    world.run(until: patience) { [self] in isClientDone || !checker.violations.isEmpty }
    if !isClientDone, checker.violations.isEmpty {
      checker.violate("the client never came to its end")
    }
    settle()
    finish()
    return outcome
  }

  // MARK: - The client

  private func startClient() {
    let process = world.process("client")
    guard let line = room.client(in: process) else { return }
    let client = ConsentClient(line)
    process.start { [self] in
      for person in people { await grant(client, process, person, scopes) }
      for _ in 0..<operationCount {
        try? await process.time.sleep(microseconds: world.random.number(in: 0...leaseMicroseconds))
        if world.random.happens(perMille: 700) { nemesis.strike(within: 4_000) }
        if world.random.happens(perMille: 200) { nemesis.strike(within: leaseMicroseconds) }
        await act(client, process)
      }
      isClientDone = true
    }
  }

  private func act(_ client: ConsentClient, _ process: SimulatedProcess) async {
    let person = people[Int(world.random.next() % UInt64(people.count))]
    if world.random.happens(perMille: 150) { rename(person) }
    let some = world.random.happens(perMille: 500) ? scopes : [scopes[Int(world.random.next() & 1)]]
    await check(client, process, person)
    switch world.random.next() % 16 {
    case 0..<4: await grant(client, process, person, some)
    case 4: await erase(client, process, person)
    case 5, 6: await refuse(client, process, person, some)
    case 7: await object(client, process, person, some)
    case 8, 9: await restrict(client, process, person, some)
    case 10: await liftRestriction(client, process, person, some)
    default: await withdraw(client, process, person, some)
    }
  }

  /// The vault gives a person another pid, or ends the rotation.
  private func rename(_ person: PseudonymousID) {
    room.note("\(person) gets another pid")
    room.vault.rename(person)
    if world.random.happens(perMille: 500) { room.vault.retire(people.count) }
  }

  /// One of the pids that a person has now.
  private func name(of person: PseudonymousID) -> PseudonymousID {
    guard room.vault.isConfirmed(person) else { return person }
    let isNew = room.vault.isRetired || world.random.happens(perMille: 500)
    return isNew ? RenamingVault.successor(of: person) : person
  }

  /// What a request is called, so that an attempt that was held up on the way and arrives behind
  /// later requests does nothing any more.
  private func name(_ process: SimulatedProcess) -> String { "\(process.random.word())" }

  /// Asks until there is an answer: what became of a call that failed is not known before.
  private func untilAnswered<Reply>(
    _ process: SimulatedProcess, _ call: (CallOptions) async throws -> Reply
  ) async -> Reply? {
    while !process.isDead {
      do {
        return try await call(CallOptions(timeoutMs: callTimeoutMs, connectsAtOnce: true))
      } catch let error as RPCError {
        room.note("the client's call failed: \(error)")
        switch error.code {
        case .unavailable, .deadlineExceeded, .cancelled, .internalError, .resourceExhausted,
          .aborted:
          try? await process.time.sleep(microseconds: world.random.number(in: 500...5_000))
        default: return nil
        }
      } catch {
        return nil
      }
    }
    return nil
  }

  /// Longer than a barrier takes behind a gate that stands still.
  private var callTimeoutMs: Int { 50 + 3 * Int(leaseMicroseconds / 1_000) }

  private func grant(
    _ client: ConsentClient, _ process: SimulatedProcess, _ person: PseudonymousID,
    _ some: [Scope]
  ) async {
    checker.willGrant(person, some)
    room.note("grant \(some) to \(person)")
    let id = ConsentID(at: ProcessTime.epoch, random: process.random)
    let request = GrantRequest(
      pid: name(of: person).bytes, scopes: some.map(\.description),
      expiresAtUs: ProcessTime.epoch.advanced(byMicroseconds: Self.year).microseconds,
      source: "simulation:v1", version: 1, consentID: id.description)
    let reply = await untilAnswered(process) { try await client.grant(request, options: $0) }
    guard let receipt = reply?.receipt else { return }
    checker.acknowledge(receipt)
    room.note("granted: \(receipt.sequence)")
    readWithToken(reply?.token, of: receipt)
  }

  private static let year: Int64 = 365 * 86_400_000_000

  private func withdraw(
    _ client: ConsentClient, _ process: SimulatedProcess, _ person: PseudonymousID,
    _ some: [Scope]
  ) async {
    let start = world.now
    room.note("withdraw \(some) of \(person)")
    let request = WithdrawRequest(
      pid: name(of: person).bytes, scopes: some.map(\.description), source: "simulation:v1",
      idempotencyKey: name(process))
    let reply = await untilAnswered(process) { try await client.withdraw(request, options: $0) }
    note(reply?.gates)
    await didTakeAway(person, some, reply?.receipt, reply?.token, client, process)
    outcome.withdrawalMicrosecondsMax = max(outcome.withdrawalMicrosecondsMax, world.now - start)
  }

  private func refuse(
    _ client: ConsentClient, _ process: SimulatedProcess, _ person: PseudonymousID,
    _ some: [Scope]
  ) async {
    room.note("\(person) refuses \(some)")
    let request = GrantRequest(
      pid: name(of: person).bytes, source: "simulation:v1", version: 1,
      idempotencyKey: name(process), deniedScopes: some.map(\.description))
    let reply = await untilAnswered(process) { try await client.grant(request, options: $0) }
    note(reply?.gates)
    await didTakeAway(person, some, reply?.receipt, reply?.token, client, process)
  }

  private func object(
    _ client: ConsentClient, _ process: SimulatedProcess, _ person: PseudonymousID,
    _ some: [Scope]
  ) async {
    room.note("\(person) objects to \(some)")
    let request = ObjectRequest(
      pid: name(of: person).bytes, scopes: some.map(\.description), source: "simulation:v1",
      idempotencyKey: name(process))
    let reply = await untilAnswered(process) { try await client.object(request, options: $0) }
    note(reply?.gates)
    await didTakeAway(person, some, reply?.receipt, reply?.token, client, process)
  }

  private func restrict(
    _ client: ConsentClient, _ process: SimulatedProcess, _ person: PseudonymousID,
    _ some: [Scope]
  ) async {
    room.note("restrict \(some) of \(person)")
    let request = RestrictUseRequest(
      pid: name(of: person).bytes, scopes: some.map(\.description), source: "simulation:v1",
      idempotencyKey: name(process))
    let reply = await untilAnswered(process) { try await client.restrictUse(request, options: $0) }
    note(reply?.gates)
    await didTakeAway(person, some, reply?.receipt, reply?.token, client, process)
  }

  private func liftRestriction(
    _ client: ConsentClient, _ process: SimulatedProcess, _ person: PseudonymousID,
    _ some: [Scope]
  ) async {
    checker.willLift(person, some)
    room.note("lift the restriction of \(some) of \(person)")
    let request = LiftRestrictionRequest(
      pid: name(of: person).bytes, scopes: some.map(\.description), source: "simulation:v1",
      idempotencyKey: name(process))
    let reply = await untilAnswered(process) {
      try await client.liftRestriction(request, options: $0)
    }
    guard let receipt = reply?.receipt else { return }
    checker.acknowledge(receipt)
    readWithToken(reply?.token, of: receipt)
  }

  private func note(_ gates: [GateOutcome]?) {
    room.note("gates: \(gates?.map { "\($0.gate) \($0.confirmed) \($0.afterUs)" } ?? [])")
  }

  private func didTakeAway(
    _ person: PseudonymousID, _ some: [Scope], _ receipt: Receipt?, _ token: ConsentToken?,
    _ client: ConsentClient, _ process: SimulatedProcess
  ) async {
    guard let receipt else { return }
    checker.acknowledge(receipt)
    room.note("in force: \(receipt.sequence)")
    checker.didTakeAway(person, some, receipt)
    outcome.withdrawalCount += 1
    readWithToken(token, of: receipt)
    await check(client, process, person, some, receipt)
  }

  /// Asks the service itself, which keeps in memory what it was asked about.
  private func check(
    _ client: ConsentClient, _ process: SimulatedProcess, _ person: PseudonymousID,
    _ ended: [Scope] = [], _ receipt: Receipt? = nil
  ) async {
    for scope in scopes where world.random.happens(perMille: 500) {
      let request = CheckRequest(pid: name(of: person).bytes, scope: scope.description)
      let reply = await untilAnswered(process) { try await client.check(request, options: $0) }
      guard let reply, reply.granted, let receipt, ended.contains(scope) else { continue }
      checker.violate("the service grants \(scope), which \(receipt.consentID) ended")
    }
  }

  /// A gate is sometimes asked to read what the client has just written.
  private func readWithToken(_ token: ConsentToken?, of receipt: Receipt) {
    let name = ConsentRoom.gateNames[Int(world.random.next() % 3)]
    guard world.random.happens(perMille: 500), let token, let node = room.gates[name],
      !node.process.isDead
    else { return }
    node.process.start { [checker] in
      let deadline = Deadline(
        monotonicMicroseconds: node.process.time.monotonicMicroseconds + 50_000)
      do {
        try await node.gate.wait(for: token, until: deadline)
        checker.didWait(name, node.gate, for: receipt)
      } catch TokenRefusal.forged, TokenRefusal.otherEpoch {
        checker.violate("\(name) refuses the token of \(receipt.consentID)")
      } catch {
        // Behind, or without a line to the consent service: it says so, which is right.
      }
    }
  }

  private func erase(
    _ client: ConsentClient, _ process: SimulatedProcess, _ person: PseudonymousID
  ) async {
    room.note("erase \(person)")
    let request = EraseRequest(
      pid: name(of: person).bytes, ground: "gdpr-17-1-b", source: "simulation:v1")
    let reply = await untilAnswered(process) { try await client.erase(request, options: $0) }
    await didTakeAway(person, scopes, reply?.receipt, reply?.token, client, process)
  }

  // MARK: - The end

  /// Mends everything, and sees that the gates come back and agree with the service.
  private func settle() {
    guard checker.violations.isEmpty else { return }
    // The last faults end by themselves.
    world.run(for: 2 * leaseMicroseconds + 10_000)
    world.network.heal()
    for process in [room.consent] + ConsentRoom.gateNames.map({ room.gates[$0]?.process }) {
      process?.resume()
    }
    // A service whose disk failed refuses writes until it is started again.
    room.disk.mend()
    room.consent?.kill()
    room.startConsent()
    for name in ConsentRoom.gateNames { room.startGate(name) }
    // Looked at from time to time: it costs more than a step.
    world.run(until: world.now + 6_000_000) { [self] in
      world.stepCount & 63 == 0 && areGatesCurrent
    }
    if checker.violations.isEmpty, !areGatesCurrent {
      checker.violate("the gates did not come back within six seconds of health")
    }
    checkAgainstService()
    checker.checkEffects()
  }

  private var areGatesCurrent: Bool {
    ConsentRoom.gateNames.allSatisfy { name in
      guard let gate = room.gates[name]?.gate else { return false }
      return gate.isLive && gate.appliedSequence.value == room.lastPosition
    }
  }

  /// Compares what each gate serves, and what was acknowledged, with what the service has stored.
  private func checkAgainstService() {
    guard checker.violations.isEmpty else { return }
    let process = world.process("auditor")
    guard let line = room.client(in: process) else { return }
    let client = ConsentClient(line)
    process.start { [self] in
      for (id, receipt) in checker.acknowledged.sorted(by: { $0.key < $1.key }) {
        let found = await untilAnswered(process) {
          try await client.show(ShowRequest(consentID: id), options: $0)
        }
        if found != receipt { checker.violate("the acknowledged receipt \(id) is lost or changed") }
      }
      for person in people {
        for scope in scopes {
          for name in names(of: person) {
            let request = CheckRequest(pid: name.bytes, scope: scope.description)
            let truth = await untilAnswered(process) {
              try await client.check(request, options: $0)
            }
            if let truth { compare(person, name, scope, truth) }
          }
        }
      }
      isAuditDone = true
    }
    world.run(until: world.now + 5_000_000) { [self] in isAuditDone }
    if !isAuditDone { checker.violate("the service did not answer within five seconds of health") }
  }

  /// The pids that a person has in the end.
  private func names(of person: PseudonymousID) -> [PseudonymousID] {
    guard room.vault.isConfirmed(person) else { return [person] }
    let new = RenamingVault.successor(of: person)
    return room.vault.isRetired ? [new] : [person, new]
  }

  private func compare(
    _ person: PseudonymousID, _ name: PseudonymousID, _ scope: Scope, _ truth: CheckReply
  ) {
    let key = HistoryChecker.Key(pid: person, scope: scope)
    if truth.granted, let lost = checker.forbidden[key] ?? checker.restricted[key] {
      checker.violate("what the acknowledged \(lost.receipt) ended is forgotten")
    }
    for gateName in ConsentRoom.gateNames {
      guard let gate = room.gates[gateName]?.gate else { continue }
      var reason: Withholding?
      if case .withheld(let why) = gate.admit(name, scope: scope) { reason = why }
      // Whose clock is behind does not know yet what was granted a moment ago.
      let isClockBehind = reason == .notYetValid || truth.reason == .notYetValid
      if gate.isLive, !isClockBehind, (reason == nil) != truth.granted {
        checker.violate(
          "\(gateName) answers \(reason?.rawValue ?? "yes") for \(scope), the service "
            + "\(truth.reason)")
      }
    }
  }

  private func finish() {
    outcome.violations = checker.violations
    outcome.readCount = checker.readCount
    outcome.tokenReadCount = checker.tokenReadCount
    outcome.renamingCount = people.count { room.vault.isConfirmed($0) }
    outcome.stepCount = world.stepCount
    outcome.microseconds = world.now
    for (fault, count) in nemesis.counts { outcome.faults[fault.rawValue] = count }
    world.observer = nil
    world.end()
  }
}
