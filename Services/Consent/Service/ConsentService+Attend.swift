package import ConsentAPI
internal import Logging
internal import PrivacyCore
package import RPC
internal import Synchronization

extension ConsentService {
  package func attend(
    _ requests: RequestStream<GateMessage>, replies: ReplyWriter<GateEvent>,
    context: CallContext
  ) async throws {
    try await context.untilDrained { try await attend(requests, replies: replies) }
  }

  private func attend(
    _ requests: RequestStream<GateMessage>, replies: ReplyWriter<GateEvent>
  ) async throws {
    var iterator = requests.makeAsyncIterator()
    guard case .registration(let registration)? = try await iterator.next()?.body else {
      throw RPCError(.invalidArgument, "a gate's first message must be its registration")
    }
    let line = try register(registration)
    defer { roster.disconnect(line.id) }
    log.info("a gate attends", metadata: ["gate": "\(registration.gate)"])
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      group.addTask {
        for try await message in requests { try line.take(message, roster: roster, desk: desk) }
      }
      group.addTask { try await feed(line, to: replies) }
      // Whichever ends first ends the line: the gate closed it, or it cannot be written to.
      try await group.next()
    }
  }

  private func register(_ registration: GateRegistration) throws -> GateLine {
    guard NameRule.accepts(registration.gate) else {
      throw RPCError(.invalidArgument, "the gate's name is malformed")
    }
    let from = registration.pidFrom.isEmpty ? nil : try pid(registration.pidFrom)
    let before = registration.pidBefore.isEmpty ? nil : try pid(registration.pidBefore)
    // Positions of another history of the log stand for other receipts.
    guard registration.appliedSequence == 0 || registration.epoch == tokens.epoch else {
      throw logBehind("the gate's position is in another epoch of the log")
    }
    let wake = Signal()
    guard
      let id = roster.register(
        gate: registration.gate, from: from, before: before,
        applied: registration.appliedSequence, wake: wake)
    else {
      throw logBehind("the gate is ahead of the log")
    }
    return GateLine(
      gate: registration.gate, id: id, wake: wake, from: from, before: before,
      position: registration.appliedSequence)
  }

  /// Refuses a reader of the log whose position is not one in it.
  func logBehind(_ reason: String) -> RPCError {
    RPCError(
      .failedPrecondition, "\(reason) and must read it from the beginning",
      details: [StatusDetail("log-behind-gate", "\(roster.lastPosition)")])
  }

  /// Sends a gate the changes it does not know, and the leases it asked for.
  private func feed(_ line: GateLine, to replies: ReplyWriter<GateEvent>) async throws {
    try await replies.send(
      GateEvent(body: .welcome(GateWelcome(epoch: tokens.epoch, tokenKey: tokens.secret))))
    var position = line.position
    var lastBatch: ChangeBatch?
    while true {
      let generation = line.wake.generation
      var isIdle = true
      for sentAtUs in line.takeRenewals() {
        isIdle = false
        let lease = roster.lease(line.id, sentAtUs: sentAtUs)
        try await replies.send(GateEvent(body: .lease(lease)))
      }
      let known = roster.lastPosition
      if known > position {
        isIdle = false
        let start = position
        // The ledger may be ahead of the roster for a moment: a gate that knew more than the roster
        // would confirm what the roster cannot note, and be refused when it registers again.
        let receipts = try ledger.receipts(after: start, limit: configuration.feedBatchCount)
          .filter { $0.sequence <= known }
        if let last = receipts.last { position = last.sequence }
        let batch = ChangeBatch(
          changes: receipts.filter { line.serves($0, afterRenamings: roster.hasRenamings) }.map(
            \.forGates), completeTo: position,
          afterSequence: start)
        lastBatch = batch
        try await replies.send(GateEvent(body: .changes(batch)))
      }
      let questions = desk.questions(for: line.gate, confirmed: roster.confirmed(line.id))
      if !questions.isEmpty {
        isIdle = false
        try await replies.send(
          GateEvent(body: .erasures(ErasureQuestions(questions: questions))))
      }
      // A lost segment is noticed at once when another follows it; TCP alone may wait 200 ms.
      if roster.takeNudge(line.id), let lastBatch {
        try await replies.send(GateEvent(body: .changes(lastBatch.onlyLast)))
      }
      if isIdle { try await line.wake.wait(after: generation) }
    }
  }
}

extension Receipt {
  /// What a gate goes by.
  fileprivate var forGates: Receipt {
    var receipt = self
    receipt.details = nil
    return receipt
  }
}

extension ChangeBatch {
  /// The last change of it alone.
  fileprivate var onlyLast: ChangeBatch {
    ChangeBatch(
      changes: Array(changes.suffix(1)), completeTo: completeTo,
      afterSequence: changes.dropLast().last?.sequence ?? afterSequence)
  }
}

/// One gate's open line.
final class GateLine: Sendable {
  /// The gate's name.
  let gate: String
  let id: UInt64
  let wake: Signal
  let position: UInt64
  private let from: PseudonymousID?
  private let before: PseudonymousID?
  private let renewals = Mutex<[Int64]>([])

  /// How many renewals may wait for their answer; only the newest are of use.
  private static let renewalCountMax = 4

  init(
    gate: String, id: UInt64, wake: Signal, from: PseudonymousID?, before: PseudonymousID?,
    position: UInt64
  ) {
    self.gate = gate
    self.id = id
    self.wake = wake
    self.from = from
    self.before = before
    self.position = position
  }

  /// Whether the gate serves the person of this receipt. An unreadable pid concerns every gate, and so
  /// does every receipt once people have two pids, one of which may be in the gate's range.
  func serves(_ receipt: Receipt, afterRenamings: Bool) -> Bool {
    guard !afterRenamings, let pid = PseudonymousID(bytes: receipt.pid) else { return true }
    return (from.map { $0 <= pid } ?? true) && (before.map { pid < $0 } ?? true)
  }

  /// Takes a confirmation, a renewal, or what the gate's store did for an erasure.
  func take(
    _ message: GateMessage, roster: GateRoster, desk: ErasureDesk
  ) throws(RPCError) {
    switch message.body {
    case .confirmation(let confirmation):
      roster.confirm(id, confirmation.appliedSequence)
      if desk.isWaiting { wake.notify() }
    case .renewal(let renewal):
      renewals.withLock { renewals in
        renewals.append(renewal.sentAtUs)
        if renewals.count > Self.renewalCountMax { renewals.removeFirst() }
      }
      wake.notify()
    case .erasures(let erasures):
      desk.take(erasures.answers, from: gate)
      // There is room for the next questions.
      wake.notify()
    case .registration: throw RPCError(.invalidArgument, "a gate registers once")
    case nil: break
    }
  }

  func takeRenewals() -> [Int64] {
    renewals.withLock { renewals in
      defer { renewals = [] }
      return renewals
    }
  }
}
