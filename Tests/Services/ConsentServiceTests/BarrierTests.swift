import ConsentAPI
import ConsentService
import Gate
import PrivacyCore
import RPC
import Synchronization
import TestSupport
import Testing
import Transport

extension Gate {
  func withholding(_ person: UInt64, _ scope: String = "product_recs") throws -> Withholding? {
    switch admit(Example.pid(person), scope: try required(Scope(scope))) {
    case .admitted: nil
    case .withheld(let reason): reason
    }
  }
}

/// Effects that note what they were told, and can be made to wait.
final class NotedEffects: GateEffects {
  private let state = Mutex<(isHeld: Bool, kinds: [ConsentChange.Kind])>((false, []))

  var kinds: [ConsentChange.Kind] { state.withLock { $0.kinds } }

  func hold(_ isHeld: Bool) { state.withLock { $0.isHeld = isHeld } }

  func apply(_ changes: [ConsentChange], epoch: UInt64) async throws {
    while state.withLock({ $0.isHeld }) { try await Task.sleep(for: .milliseconds(1)) }
    state.withLock { $0.kinds += changes.map(\.kind) }
  }
}

/// How many calls were answered.
private final class Answered: Sendable {
  private let counted = Mutex(0)

  var count: Int { counted.withLock { $0 } }

  func note() { counted.withLock { $0 += 1 } }
}

@Suite("The revocation barrier")
struct BarrierTests {
  @Test("a withdrawal is answered when the live gate confirmed, and the gate withholds")
  func confirmed() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      let effects = NotedEffects()
      try await fixture.withGate(effects: effects) { gate async throws in
        let receipt = try await fixture.grant(1)
        try await eventually("the grant arrives") { try gate.withholding(1) == nil }
        let reply = try await fixture.withdraw(1)
        #expect(try gate.withholding(1) == .withdrawn)
        #expect(effects.kinds == [.grant, .withdrawal])
        #expect(reply.gates.map(\.gate) == ["features"])
        #expect(reply.gates.map(\.confirmed) == [true])
        #expect(reply.barrierUs >= reply.gates[0].afterUs)
        #expect(reply.receipt?.sequence == receipt.sequence + 1)
      }
    }
  }

  @Test("a grant is known to the live gates when it is answered")
  func grantSettles() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.withGate { gate async throws in
        for person in 1...5 {
          try await fixture.grant(UInt64(person))
          #expect(try gate.withholding(UInt64(person)) == nil)
        }
      }
    }
  }

  @Test("a gate that does not confirm holds the answer up only until its lease has run out")
  func stalledGate() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await fixture.grant(1)
      let effects = NotedEffects()
      try await fixture.withGate(effects: effects) { gate async throws in
        #expect(try gate.withholding(1) == nil)
        effects.hold(true)
        let reply = try await fixture.withdraw(1)
        #expect(reply.gates.map(\.confirmed) == [false])
        // Renewals in between must not lengthen the wait, nor let the gate serve again.
        #expect(reply.barrierUs < 5_000_000)
        #expect(try gate.withholding(1) != nil)
        effects.hold(false)
        try await eventually("the gate recovers") { gate.isLive }
        #expect(try gate.withholding(1) == .withdrawn)
      }
    }
  }

  @Test("a gate that went away holds the answer up until its lease has run out")
  func goneGate() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await fixture.grant(1)
      let gone = try await fixture.withGate { gate in gate }
      let reply = try await fixture.withdraw(1)
      #expect(reply.gates.allSatisfy { !$0.confirmed })
      #expect(try gone.withholding(1) == .noLease)
    }
  }

  @Test("a gate that registered and never held a lease holds nothing up")
  func neverLeased() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.grant(1)
      let line = try await fixture.client.attend()
      try await line.send(
        GateMessage(body: .registration(GateRegistration(gate: "silent", appliedSequence: 0))))
      var events = line.replies.makeAsyncIterator()
      _ = try await events.next()
      let reply = try await fixture.withdraw(1)
      #expect(reply.gates.map(\.gate) == ["silent"])
      #expect(reply.gates.map(\.confirmed) == [false])
      #expect(reply.gates.map(\.afterUs) == [0])
      line.cancel()
    }
  }

  @Test("without gates a withdrawal is answered at once")
  func noGates() async throws {
    try await ConsentFixture.run { fixture async throws in
      let reply = try await fixture.withdraw(1)
      #expect(reply.gates.isEmpty)
      #expect(try await fixture.reason(1) == .withdrawn)
    }
  }

  @Test("a repeated withdrawal is answered with the first receipt, behind the barrier again")
  func repeated() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.grant(1)
      try await fixture.withGate { gate async throws in
        let first = try await fixture.withdraw(1)
        let second = try await fixture.withdraw(1)
        #expect(second.receipt == first.receipt)
        #expect(second.gates.map(\.confirmed) == [true])
        #expect(try gate.withholding(1) == .withdrawn)
      }
      #expect(try await fixture.exported().count == 2)
    }
  }

  @Test("an imported withdrawal is in force at every gate when its chunk is answered")
  func importedWithdrawal() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      let receipt = try await fixture.grant(1)
      try await fixture.withGate { gate async throws in
        var withdrawal = receipt
        withdrawal.kind = .withdrawal
        withdrawal.consentID = Example.id(77).description
        let progress = try await fixture.importing([ReceiptJSON.line(withdrawal)])
        #expect(progress.last?.accepted == 1)
        #expect(try gate.withholding(1) == .withdrawn)
      }
    }
  }

  @Test("a repeated import of a withdrawal is answered behind the barrier as well")
  func repeatedImport() async throws {
    try await ConsentFixture.run { fixture async throws in
      let receipt = try await fixture.grant(1)
      var withdrawal = receipt
      withdrawal.kind = .withdrawal
      withdrawal.consentID = Example.id(77).description
      withdrawal.expiresAtUs = 0
      let line = ReceiptJSON.line(withdrawal)
      let effects = NotedEffects()
      try await fixture.withGate(effects: effects) { gate async throws in
        #expect(try gate.withholding(1) == nil)
        // The gate cannot confirm: an answer in spite of that could only come when its lease is over.
        effects.hold(true)
        async let first = fixture.importing([line])
        try await eventually("the withdrawal is recorded") {
          try await fixture.reason(1) == .withdrawn
        }
        let again = try #require(try await fixture.importing([line]).last)
        #expect([again.accepted, again.duplicates] == [0, 1])
        #expect(try gate.withholding(1) != nil)
        #expect(try await first.last?.accepted == 1)
        effects.hold(false)
      }
    }
  }

  @Test("two gates are both waited for")
  func twoGates() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.grant(1)
      try await fixture.withGate("features") { first async throws in
        try await fixture.withGate("vectors") { second async throws in
          let reply = try await fixture.withdraw(1)
          #expect(reply.gates.map(\.gate) == ["features", "vectors"])
          #expect(reply.gates.map(\.confirmed) == [true, true])
          #expect(try first.withholding(1) == .withdrawn)
          #expect(try second.withholding(1) == .withdrawn)
        }
      }
    }
  }

  @Test("no read that begins after the answer is admitted, over many people and two gates")
  func neverAfterTheAnswer() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      _ = try await fixture.importing((1...60).map { Example.line(UInt64($0)) })
      try await fixture.withGate("features") { first async throws in
        try await fixture.withGate("vectors") { second async throws in
          try await withThrowingTaskGroup(of: Int.self) { group in
            for person in 1...60 {
              group.addTask {
                try await fixture.withdraw(UInt64(person))
                return try [first, second].filter {
                  try $0.withholding(UInt64(person)) == nil
                }.count
              }
            }
            for try await violations in group { #expect(violations == 0) }
          }
        }
      }
    }
  }
}

@Suite("Attending as a gate")
struct AttendTests {
  @Test("a gate reads the whole log at its start and admits what counts")
  func catchesUp() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      _ = try await fixture.importing((1...20).map { Example.line(UInt64($0)) })
      try await fixture.withdraw(7)
      try await fixture.withGate { gate async throws in
        #expect(gate.appliedSequence == LogSequenceNumber(21))
        #expect(try gate.withholding(6) == nil)
        #expect(try gate.withholding(7) == .withdrawn)
        #expect(try gate.withholding(21) == .neverAsked)
      }
    }
  }

  @Test("a gate without a line admits nothing")
  func noLine() async throws {
    try await ConsentFixture.run { fixture async throws in
      let gate = Gate(name: "features", consent: fixture.client, log: silentLog)
      try await fixture.grant(1)
      #expect(!gate.isLive)
      #expect(try gate.withholding(1) == .noLease)
    }
  }

  @Test("a gate that does not hear from the service stops, and goes on after its return")
  func reconnects() async throws {
    try await withTemporaryDirectory { directory async throws in
      let (gate, attending, port) = try await ConsentFixture.run(in: directory) {
        fixture async throws in
        try await fixture.grant(1)
        let line = try RPCClient(
          endpoint: fixture.endpoint, security: .plainLoopback, log: silentLog)
        let gate = Gate(name: "features", consent: ConsentClient(line), log: silentLog)
        let attending = Task { try await gate.run() }
        try await eventually("the gate is live") { gate.isLive }
        return (gate, attending, fixture.endpoint.port)
      }
      try await eventually("the lease runs out") { !gate.isLive }
      #expect(try gate.withholding(1) == .noLease)
      try await ConsentFixture.run(in: directory, port: port) { fixture async throws in
        // A busy machine may let a lease run out at any time; it comes back.
        try await eventually("the gate serves again") { try gate.withholding(1) == nil }
        let reply = try await fixture.withdraw(1)
        #expect(reply.gates.contains { $0.gate == "features" && $0.confirmed })
        try await eventually("it withholds") { try gate.withholding(1) == .withdrawn }
      }
      attending.cancel()
    }
  }

  @Test("attending gates and followed feeds do not hold the service's end up")
  func drain() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.withGate { _ async throws in
        let feed = try await fixture.client.watch(WatchRequest(follow: true))
        var batches = feed.makeAsyncIterator()
        _ = try await batches.next()
        #expect(await fixture.server.drain(timeoutMs: 10_000))
        #expect(await refusal { _ = try await batches.next() }?.code == .unavailable)
      }
    }
  }

  @Test("a service that has restarted waits until the leases of its previous run are over")
  func restartWaits() async throws {
    // Long enough for a busy machine to make the call before they are over.
    var configuration = ConsentConfiguration.quick
    configuration.leaseMs = 1_500
    let longer = configuration
    try await withTemporaryDirectory { directory async throws in
      try await ConsentFixture.run(in: directory, configuration: longer) { fixture async throws in
        _ = try await fixture.grant(1)
      }
      try await ConsentFixture.run(in: directory, configuration: longer) { fixture async throws in
        let reply = try await fixture.withdraw(1)
        #expect(reply.gates.map(\.gate) == ["gates of the previous run"])
        #expect(reply.gates.map(\.confirmed) == [false])
      }
    }
  }

  @Test(
    "an answer that repeats one whose gates do not know it yet waits for them",
    arguments: [true, false])
  func repeated(isDenial: Bool) async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      let effects = NotedEffects()
      try await fixture.withGate(effects: effects) { gate async throws in
        try await fixture.grant(1)
        // A refusal, or a consent that ends earlier: in both cases something is taken away.
        var narrower = Example.grantRequest(1, scopes: isDenial ? [] : ["product_recs"])
        narrower.expiresAtUs = isDenial ? 0 : narrower.expiresAtUs - 86_400_000_000
        narrower.deniedScopes = isDenial ? ["product_recs"] : []
        let request = narrower
        effects.hold(true)
        let answered = Answered()
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<2 {
            let position = fixture.service.lastPosition
            group.addTask {
              _ = try await fixture.client.grant(request)
              answered.note()
            }
            try await eventually("it is recorded") { fixture.service.lastPosition > position }
          }
          try await Task.sleep(for: .milliseconds(150))
          #expect(answered.count == 0)
          effects.hold(false)
          try await group.waitForAll()
        }
        #expect(gate.appliedSequence.value == 3)
        #expect(answered.count == 2)
      }
    }
  }

  @Test("an answer waits for the gates while they are not told yet what an earlier one took away")
  func inFlight() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      let effects = NotedEffects()
      try await fixture.withGate(effects: effects) { gate async throws in
        try await fixture.grant(1)
        var narrower = Example.grantRequest(1, scopes: ["product_recs"])
        narrower.expiresAtUs -= 86_400_000_000
        // Recorded and durable, but the call has not come to tell the gates of it.
        let draft = ReceiptDraft(
          pid: Example.pid(1), kind: .grant, scopes: narrower.scopes,
          expiresAt: Timestamp(microseconds: narrower.expiresAtUs), source: narrower.source,
          version: narrower.version)
        #expect(try await fixture.service.ledger.answer(draft, by: "first").takesAway)
        effects.hold(true)
        let answered = Answered()
        let request = narrower
        let call = Task {
          defer { answered.note() }
          return try await fixture.client.grant(request)
        }
        try await eventually("it is recorded") { fixture.service.lastPosition == 3 }
        try await Task.sleep(for: .milliseconds(150))
        #expect(answered.count == 0)
        effects.hold(false)
        #expect(try await call.value.gates.map(\.confirmed) == [true])
        #expect(gate.appliedSequence.value == 3)
        // Told once, nobody waits any more.
        #expect(try await fixture.client.grant(Example.grantRequest(1)).gates.isEmpty)
      }
    }
  }

  @Test("what is not a registration, or ahead of the log, is refused")
  func refusals() async throws {
    try await ConsentFixture.run { fixture async throws in
      func refused(_ message: GateMessage) async throws -> StatusCode? {
        let line = try await fixture.client.attend()
        try await line.send(message)
        return await refusal { for try await _ in line.replies {} }?.code
      }
      #expect(
        try await refused(GateMessage(body: .renewal(GateRenewal(sentAtUs: 1)))) == .invalidArgument
      )
      #expect(
        try await refused(GateMessage(body: .registration(GateRegistration(gate: "A gate"))))
          == .invalidArgument)
      #expect(
        try await refused(
          GateMessage(body: .registration(GateRegistration(gate: "g", appliedSequence: 1))))
          == .failedPrecondition)
      #expect(
        try await refused(
          GateMessage(body: .registration(GateRegistration(gate: "g", pidFrom: [1]))))
          == .invalidArgument)
    }
  }

  @Test("a gate for a range of pids gets their changes and is waited for only for them")
  func ranges() async throws {
    try await ConsentFixture.run { fixture async throws in
      let (low, high) = Example.pid(1) < Example.pid(2) ? (UInt64(1), UInt64(2)) : (2, 1)
      let line = try await fixture.client.attend()
      try await line.send(
        GateMessage(
          body: .registration(GateRegistration(gate: "high", pidFrom: Example.pid(high).bytes))))
      try await line.send(GateMessage(body: .renewal(GateRenewal(sentAtUs: 42))))
      var replies = line.replies.makeAsyncIterator()
      guard case .welcome(let welcome)? = try await replies.next()?.body else {
        Issue.record("no welcome came")
        return
      }
      #expect(welcome.tokenKey.count == 32)
      guard case .lease(let lease)? = try await replies.next()?.body else {
        Issue.record("no lease came")
        return
      }
      #expect(lease.sentAtUs == 42)
      #expect(lease.durationUs == 250_000)
      #expect(try await fixture.withdraw(low).gates.isEmpty)
      guard case .changes(let batch)? = try await replies.next()?.body else {
        Issue.record("no changes came")
        return
      }
      #expect(batch.changes.isEmpty)
      #expect(batch.completeTo == 1)
      #expect(try await fixture.withdraw(high).gates.map(\.gate) == ["high"])
      line.cancel()
    }
  }
}
