internal import ConsentAPI
internal import Logging
internal import PrivacyCore
internal import RPC
internal import Synchronization

extension Gate {
  /// Attends to the consent service until the task is cancelled: registers, applies the feed,
  /// renews the lease, and connects again when the line breaks.
  public func run() async throws {
    guard let consent else {
      while true { try await time.sleep(milliseconds: 3_600_000) }
    }
    var waitMs = configuration.reconnectMsMin
    var isBreakLogged = false
    while true {
      let outbox = GateOutbox(
        renewalMicroseconds: Int64(configuration.firstRenewalMs) * 1_000, heardAt: now)
      do {
        try await attend(consent, outbox: outbox)
      } catch let error as RPCError where error.detail(Self.logBehindDetail) != nil {
        // The log was replaced by another one, so nothing known counts any more.
        log.warning("the consent log is not the one this gate knows; reading it from the beginning")
        state.withLock { state in
          let retired = state.table.retiredRotation
          state = State()
          state.table.retire(retired)
        }
      } catch {
        try Task.checkCancellation()
        // Of an outage only the beginning is worth a line; its end has one too.
        if outbox.hasHeard { isBreakLogged = false }
        log.log(
          level: isBreakLogged ? .debug : .warning, "the line to the consent service broke",
          metadata: ["gate": "\(name)", "reason": "\(error)"])
        isBreakLogged = true
      }
      try Task.checkCancellation()
      if outbox.hasHeard { waitMs = configuration.reconnectMsMin }
      let jitterMs = Int(random.word() % UInt64(waitMs / 2 + 1))
      try await time.sleep(milliseconds: waitMs + jitterMs)
      waitMs = min(waitMs * 2, configuration.reconnectMsMax)
    }
  }

  /// The status detail by which the consent service says that the gate's position is not one in its
  /// log: behind its end, or of another epoch.
  package static let logBehindDetail = "log-behind-gate"

  private func attend(_ consent: ConsentClient, outbox: GateOutbox) async throws {
    // The gate pauses between its attempts itself, much shorter than a client does: as long as it
    // has no line, nobody's data is served.
    let line = try await consent.attend(options: CallOptions(connectsAtOnce: true))
    defer { line.cancel() }
    let registration = state.withLock { state in
      GateRegistration(
        gate: name, appliedSequence: state.applied.value, epoch: state.tokens?.epoch ?? 0)
    }
    try await line.send(GateMessage(body: .registration(registration)))
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await self.receive(from: line, outbox: outbox) }
      group.addTask { try await self.send(to: line, outbox: outbox) }
      group.addTask { try await self.tick(outbox) }
      try await group.next()
    }
  }

  private var now: Int64 { time.monotonicMicroseconds }

  // MARK: Three tasks of one line

  private func receive(
    from line: ClientStream<GateMessage, GateEvent>, outbox: GateOutbox
  ) async throws {
    for try await event in line.replies {
      if outbox.heard(at: now) {
        log.notice("the gate attends to the consent service", metadata: ["gate": "\(name)"])
      }
      switch event.body {
      case .changes(let batch):
        let end = LogSequenceNumber(batch.completeTo)
        try await apply(changes(of: batch), completeTo: end)
        outbox.confirm(appliedSequence)
      case .lease(let lease): take(lease, outbox: outbox)
      case .welcome(let welcome): try take(welcome)
      case .erasures(let erasures):
        for question in erasures.questions {
          if let answer = await answer(question) { outbox.answer(answer) }
          // To sign takes a while, and reads wait. It is no silence of the other side.
          await Task.yield()
          _ = outbox.heard(at: now)
        }
      case nil: break
      }
    }
    throw RPCError(.unavailable, "the consent service ended the line")
  }

  /// What the service did for an erasure; `nil` where it cannot say, and is asked again later.
  private func answer(_ question: ErasureQuestion) async -> ErasureAnswer? {
    guard let pid = PseudonymousID(bytes: question.pid) else { return nil }
    do {
      let statement = try await effects.statement(
        of: pid, erasedAt: LogSequenceNumber(question.sequence))
      guard !statement.isEmpty else { return nil }
      return ErasureAnswer(sequence: question.sequence, statement: statement)
    } catch {
      log.warning(
        "no statement of an erasure",
        metadata: ["sequence": "\(question.sequence)", "reason": "\(error)"])
      return nil
    }
  }

  private func take(_ lease: GateLease, outbox: GateOutbox) {
    // A lease is only ever as long as it is from the moment the renewal was sent; an answer that
    // names a moment yet to come is not one of ours.
    guard lease.durationUs > 0, lease.sentAtUs <= now else { return }
    retire(lease.retiredRotation)
    state.withLock { state in
      let applied = state.applied
      state.changeLeases(at: now) {
        $0.add(
          until: lease.sentAtUs + min(lease.durationUs, Self.leaseMicrosecondsMax),
          sequence: LogSequenceNumber(lease.sequence), applied: applied)
      }
    }
    outbox.renew(every: max(lease.durationUs / Self.renewalsPerLease, 1_000))
  }

  /// How often a lease is renewed while it lasts.
  private static let renewalsPerLease: Int64 = 3

  /// No lease is believed to last longer.
  private static let leaseMicrosecondsMax: Int64 = 10_000_000

  private func send(
    to line: ClientStream<GateMessage, GateEvent>, outbox: GateOutbox
  ) async throws {
    for await _ in outbox.signals {
      let due = outbox.take()
      for answers in due.answers.parcels {
        try await line.send(GateMessage(body: .erasures(ErasureAnswers(answers: answers))))
      }
      if let sequence = due.confirmation {
        let confirmation = GateConfirmation(appliedSequence: sequence.value)
        try await line.send(GateMessage(body: .confirmation(confirmation)))
      }
      if due.isRenewal {
        try await line.send(GateMessage(body: .renewal(GateRenewal(sentAtUs: now))))
      }
    }
  }

  /// Asks for renewals, and gives the line up when nothing is heard.
  private func tick(_ outbox: GateOutbox) async throws {
    while true {
      let pace = outbox.pace
      // Long leases are renewed rarely: a line is given one of them at least.
      let silenceMax = max(
        Int64(configuration.silenceMsMax) * 1_000,
        pace.renewalMicroseconds * Self.renewalsPerLease)
      guard now - pace.heardAt < silenceMax else {
        throw RPCError(.unavailable, "nothing heard for \(silenceMax / 1_000) ms")
      }
      outbox.askForRenewal()
      try await time.sleep(microseconds: pace.renewalMicroseconds)
    }
  }
}

extension [ErasureAnswer] {
  /// The answers in messages of a size that streams take at once.
  fileprivate var parcels: [[ErasureAnswer]] {
    var parcels: [[ErasureAnswer]] = []
    var byteCount = 0
    for answer in self {
      byteCount += answer.statement.count
      if parcels.isEmpty || parcels[parcels.count - 1].count == 64 || byteCount > 1 << 17 {
        parcels.append([])
        byteCount = answer.statement.count
      }
      parcels[parcels.count - 1].append(answer)
    }
    return parcels
  }
}

/// What the tasks of one line tell each other: what is to be sent, and when something was heard.
private final class GateOutbox: Sendable {
  private struct State {
    var confirmation: LogSequenceNumber?
    var answers: [ErasureAnswer] = []
    var isRenewal = false
    var renewalMicroseconds: Int64
    var heardAt: Int64
    var hasHeard = false
  }

  /// One element at least for each time that something became due.
  let signals: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation
  private let state: Mutex<State>

  init(renewalMicroseconds: Int64, heardAt: Int64) {
    (signals, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    state = Mutex(State(renewalMicroseconds: renewalMicroseconds, heardAt: heardAt))
  }

  var pace: (renewalMicroseconds: Int64, heardAt: Int64) {
    state.withLock { ($0.renewalMicroseconds, $0.heardAt) }
  }

  /// Whether anything came on this line.
  var hasHeard: Bool { state.withLock { $0.hasHeard } }

  /// Notes that something came; true for the first time.
  func heard(at now: Int64) -> Bool {
    state.withLock { state in
      state.heardAt = now
      defer { state.hasHeard = true }
      return !state.hasHeard
    }
  }

  func renew(every microseconds: Int64) {
    state.withLock { $0.renewalMicroseconds = microseconds }
  }

  func confirm(_ sequence: LogSequenceNumber) {
    state.withLock { $0.confirmation = sequence }
    wake.yield()
  }

  func answer(_ answer: ErasureAnswer) {
    state.withLock { $0.answers.append(answer) }
    wake.yield()
  }

  func askForRenewal() {
    state.withLock { $0.isRenewal = true }
    wake.yield()
  }

  func take() -> (confirmation: LogSequenceNumber?, answers: [ErasureAnswer], isRenewal: Bool) {
    state.withLock { state in
      defer { (state.confirmation, state.answers, state.isRenewal) = (nil, [], false) }
      return (state.confirmation, state.answers, state.isRenewal)
    }
  }
}
