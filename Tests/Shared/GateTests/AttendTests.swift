import ConsentAPI
import Gate
import Logging
import PrivacyCore
import RPC
import Synchronization
import TestSupport
import Testing
import Transport
import WireFormat

private let silentLog = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// One line of a gate, from the consent service's side, played by a test.
private struct PlayedLine {
  let requests: RequestStream<GateMessage>
  let replies: ReplyWriter<GateEvent>

  /// The next registration.
  func registration() async throws -> GateRegistration {
    for try await message in requests {
      if case .registration(let registration)? = message.body { return registration }
    }
    throw RPCError(.unavailable, "the gate went away")
  }

  /// The next renewal, when it was sent.
  func renewal() async throws -> Int64 {
    for try await message in requests {
      if case .renewal(let renewal)? = message.body { return renewal.sentAtUs }
    }
    throw RPCError(.unavailable, "the gate went away")
  }

  /// The next confirmation.
  func confirmation() async throws -> UInt64 {
    for try await message in requests {
      if case .confirmation(let confirmation)? = message.body {
        return confirmation.appliedSequence
      }
    }
    throw RPCError(.unavailable, "the gate went away")
  }

  func lease(from sentAtUs: Int64, ms: Int64 = 60_000, sequence: UInt64 = 0) async throws {
    try await replies.send(
      GateEvent(
        body: .lease(
          GateLease(sentAtUs: sentAtUs, durationUs: ms * 1_000, sequence: sequence))))
  }

  func send(_ changes: ConsentChange...) async throws {
    let receipts = changes.map { change in
      Receipt(
        consentID: change.consentID.description, pid: change.pid.bytes,
        scopes: change.scopes.map(\.description), grantedAtUs: change.grantedAt.microseconds,
        expiresAtUs: change.expiresAt.microseconds,
        kind: change.kind == .grant ? .grant : .withdrawal, sequence: change.sequence.value)
    }
    try await send(ChangeBatch(changes: receipts, completeTo: receipts.last?.sequence ?? 0))
  }

  func send(_ batch: ChangeBatch) async throws {
    try await replies.send(GateEvent(body: .changes(batch)))
  }

  /// Keeps the line open until the gate or the test ends it.
  func stay() async throws { for try await _ in requests {} }
}

private actor FailsOnce: GateEffects {
  private var hasFailed = false
  private(set) var count = 0

  func apply(_ changes: [ConsentChange], epoch: UInt64) async throws {
    guard hasFailed else {
      hasFailed = true
      throw RPCError(.unavailable, "the store is busy")
    }
    count += changes.count
  }
}

@Suite("A gate's line to the consent service", .timeLimit(.minutes(1)))
struct AttendTests {
  /// Runs `body` with a gate whose lines are played by `play`, called with 1, 2, 3 … for each.
  private func attend(
    configuration: GateConfiguration = GateConfiguration(),
    effects: any GateEffects = NoEffects(),
    play: @escaping @Sendable (PlayedLine, Int) async throws -> Void,
    _ body: (Gate) async throws -> Void
  ) async throws {
    let counter = LineCounter()
    var router = Router()
    router.bidirectional(ConsentMethods.attend) {
      (requests: RequestStream<GateMessage>, replies: ReplyWriter<GateEvent>, _: CallContext)
        async throws in
      try await play(PlayedLine(requests: requests, replies: replies), counter.next())
    }
    let server = RPCServer(
      router: router, endpoint: try Endpoint("127.0.0.1:0"), security: .plainLoopback,
      authorizer: PermitsAll(), log: silentLog)
    let client = try RPCClient(
      endpoint: try await server.start(), security: .plainLoopback, log: silentLog)
    let gate = Gate(
      name: "features", consent: ConsentClient(client), effects: effects, log: silentLog,
      configuration: configuration)
    let attending = Task { try await gate.run() }
    defer { attending.cancel() }
    do {
      try await body(gate)
    } catch {
      await client.close()
      await server.drain(timeoutMs: 0)
      throw error
    }
    await client.close()
    await server.drain(timeoutMs: 0)
  }

  private struct PermitsAll: MethodAuthorizer {
    func permits(_ peer: PeerIdentity, _ method: MethodDescriptor) -> Bool { true }
  }

  private final class LineCounter: Sendable {
    private let count = Mutex(0)
    func next() -> Int {
      count.withLock { count in
        count += 1
        return count
      }
    }
  }

  private func eventually(_ condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(1)) }
  }

  @Test("a lease counts only when the changes it names are applied")
  func pendingLease() async throws {
    let hasConfirmed = Flag()
    let release = Flag()
    try await attend { line, _ in
      _ = try await line.registration()
      try await line.lease(from: try await line.renewal(), sequence: 2)
      try await line.send(
        Example.change(1, from: Timestamp(microseconds: 0), seconds: 4_000_000_000))
      _ = try await line.confirmation()
      hasConfirmed.set()
      try await release.wait()
      try await line.send(
        Example.change(2, of: 2, from: Timestamp(microseconds: 0), seconds: 4_000_000_000))
      try await line.stay()
    } _: { gate in
      try await hasConfirmed.wait()
      #expect(gate.appliedSequence == LogSequenceNumber(1))
      #expect(!gate.isLive)
      #expect(gate.withholding(1) == .noLease)
      release.set()
      try await eventually { gate.isLive }
      #expect(gate.appliedSequence == LogSequenceNumber(2))
      #expect(gate.withholding(1) == nil)
    }
  }

  @Test("a lease is counted from when its renewal was sent, however late the answer comes")
  func lateAnswer() async throws {
    let answered = Flag()
    try await attend { line, _ in
      _ = try await line.registration()
      let sentAtUs = try await line.renewal()
      // An answer that names the past as far back as the lease is long.
      try await line.lease(from: sentAtUs - 1_000_000, ms: 1_000)
      // And one that names a moment yet to come.
      try await line.lease(from: sentAtUs + 3_600_000_000, ms: 1_000)
      try await line.send(Example.change(1))
      _ = try await line.confirmation()
      answered.set()
      try await line.stay()
    } _: { gate in
      try await answered.wait()
      #expect(!gate.isLive)
    }
  }

  @Test("a change that the gate cannot read breaks the line, and it asks from where it was")
  func malformedChange() async throws {
    let second = Flag()
    let noted = Noted()
    try await attend { line, number in
      noted.add(try await line.registration().appliedSequence)
      if number == 1 {
        try await line.send(Example.change(1))
        try await line.send(
          ChangeBatch(changes: [Receipt(consentID: "?", sequence: 2)], completeTo: 2))
      } else {
        second.set()
      }
      try await line.stay()
    } _: { gate in
      try await second.wait()
      #expect(gate.appliedSequence == LogSequenceNumber(1))
    }
    #expect(noted.positions.prefix(2) == [0, 1])
  }

  @Test("a batch that does not follow on what the gate knows breaks the line")
  func missingBatch() async throws {
    let second = Flag()
    let noted = Noted()
    try await attend { line, number in
      noted.add(try await line.registration().appliedSequence)
      if number == 1 {
        try await line.send(Example.change(1))
        try await line.lease(from: try await line.renewal(), sequence: 3)
        try await line.send(ChangeBatch(changes: [], completeTo: 3, afterSequence: 2))
      } else {
        // The last position that follows.
        try await line.send(ChangeBatch(changes: [], completeTo: 2, afterSequence: 1))
        _ = try await line.confirmation()
        second.set()
      }
      try await line.stay()
    } _: { gate in
      try await second.wait()
      #expect(gate.appliedSequence == LogSequenceNumber(2))
      #expect(!gate.isLive)
    }
    #expect(noted.positions.prefix(2) == [0, 1])
  }

  @Test("a gate that is ahead of the log forgets what it knew, but not that a rotation is over")
  func logBehind() async throws {
    let retired = Flag()
    let third = Flag()
    let noted = Noted()
    try await attend { line, number in
      noted.add(try await line.registration().appliedSequence)
      switch number {
      case 1:
        try await retired.wait()
        try await line.send(Example.change(5))
        _ = try await line.confirmation()
      case 2:
        throw RPCError(
          .failedPrecondition, "behind", details: [StatusDetail("log-behind-gate", "1")])
      default:
        try await line.lease(from: try await line.renewal())
        third.set()
        try await line.stay()
      }
    } _: { gate in
      gate.retire(1)
      retired.set()
      try await third.wait()
      #expect(gate.appliedSequence == .zero)
      #expect(gate.personCount == 0)
      try await gate.apply([
        Example.change(1, from: SystemTime().now),
        Example.change(
          2, .renaming(former: Example.pid(1), rotation: 1), of: 11, scopes: []),
      ])
      try await eventually { gate.isLive }
      #expect(gate.withholding(11) == nil)
      #expect(gate.withholding(1) == .neverAsked)
    }
    #expect(noted.positions.prefix(3) == [0, 5, 0])
  }

  @Test("a line on which nothing is heard is given up and made anew")
  func silence() async throws {
    let second = Flag()
    var configuration = GateConfiguration()
    configuration.silenceMsMax = 30
    configuration.firstRenewalMs = 5
    try await attend(configuration: configuration) { line, number in
      if number == 2 { second.set() }
      try await line.stay()
    } _: { _ in
      try await second.wait()
    }
  }

  @Test("a line is not given up before the lease that came on it is over")
  func silenceUnderLease() async throws {
    let lines = Noted()
    var configuration = GateConfiguration()
    configuration.silenceMsMax = 600
    configuration.firstRenewalMs = 5
    try await attend(configuration: configuration) { line, number in
      lines.add(UInt64(number))
      _ = try await line.registration()
      try await line.lease(from: try await line.renewal(), ms: 3_000)
      try await line.stay()
    } _: { gate in
      try await eventually { gate.isLive }
      let number = lines.positions.last
      // Longer than a third of the lease: by then the line has been looked at.
      try await Task.sleep(for: .milliseconds(1_300))
      #expect(lines.positions.last == number)
    }
  }

  @Test("a line on which something came is made anew without a growing pause")
  func pauseAfterHearing() async throws {
    let last = Flag()
    var configuration = GateConfiguration()
    configuration.reconnectMsMin = 1
    configuration.reconnectMsMax = 3_600_000
    try await attend(configuration: configuration) { line, number in
      _ = try await line.registration()
      try await line.lease(from: try await line.renewal())
      // Doubled twenty times, a millisecond is a quarter of an hour.
      guard number < 20 else { return last.set() }
      // The lease must arrive before the end does.
      _ = try await line.renewal()
    } _: { _ in
      try await last.wait()
    }
  }

  @Test("a gate does not wait until its client has got over an outage")
  func outage() async throws {
    var router = Router()
    router.bidirectional(ConsentMethods.attend) {
      (requests: RequestStream<GateMessage>, replies: ReplyWriter<GateEvent>, _: CallContext)
        async throws in
      let line = PlayedLine(requests: requests, replies: replies)
      try await line.lease(from: try await line.renewal())
      try await line.stay()
    }
    func server(_ endpoint: Endpoint) -> RPCServer {
      RPCServer(
        router: router, endpoint: endpoint, security: .plainLoopback, authorizer: PermitsAll(),
        log: silentLog)
    }
    let first = server(try Endpoint("127.0.0.1:0"))
    let endpoint = try await first.start()
    await first.drain(timeoutMs: 0)
    var configuration = ClientConfiguration()
    configuration.backoffMs = 3_600_000
    configuration.backoffMsMax = 3_600_000
    let client = try RPCClient(
      endpoint: endpoint, security: .plainLoopback, configuration: configuration, log: silentLog)
    // The client fails once, and would pause from now on.
    await #expect(throws: RPCError.self) { try await ConsentClient(client).attend() }
    let gate = Gate(name: "features", consent: ConsentClient(client), log: silentLog)
    let attending = Task { try await gate.run() }
    let second = server(endpoint)
    try await second.start()
    try await eventually { gate.isLive }
    attending.cancel()
    await client.close()
    await second.drain(timeoutMs: 0)
  }

  @Test("a batch whose effect failed is asked for again")
  func failedEffect() async throws {
    let effects = FailsOnce()
    try await attend(effects: effects) { line, _ in
      if try await line.registration().appliedSequence == 0 {
        try await line.send(Example.change(1, .withdrawal))
      }
      try await line.stay()
    } _: { gate in
      try await eventually { gate.appliedSequence == LogSequenceNumber(1) }
      #expect(await effects.count == 1)
    }
  }
}

/// Something that happens once.
private final class Flag: Sendable {
  private let isSet = Mutex(false)

  func set() { isSet.withLock { $0 = true } }

  func wait() async throws {
    while !isSet.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
  }
}

private final class Noted: Sendable {
  private let state = Mutex<[UInt64]>([])

  var positions: [UInt64] { state.withLock { $0 } }

  func add(_ position: UInt64) { state.withLock { $0.append(position) } }
}
