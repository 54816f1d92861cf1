package import ConsentAPI
internal import Logging
internal import PrivacyCore
package import RPC
internal import Transport
package import VaultAPI

/// Destroys what makes a person readable. The identity vault's client is one.
package protocol SubjectVault: Sendable {
  /// Destroys the people's keys and identifiers; asked again, it answers again.
  func forget(_ request: ForgetManyRequest) async throws(RPCError) -> ForgetManyReply

  /// A page of those who were forgotten.
  func forgotten(_ request: ForgottenRequest) async throws(RPCError) -> ForgottenReply
}

/// The vault, over the network.
package struct RemoteVault: SubjectVault {
  private let client: VaultClient

  package init(_ client: VaultClient) { self.client = client }

  package func forget(_ request: ForgetManyRequest) async throws(RPCError) -> ForgetManyReply {
    try await client.forgetMany(request, options: CallOptions(timeoutMs: 10_000))
  }

  package func forgotten(_ request: ForgottenRequest) async throws(RPCError) -> ForgottenReply {
    try await client.forgotten(request, options: CallOptions(timeoutMs: 10_000))
  }
}

extension ConsentService {
  package func erase(_ request: EraseRequest, context: CallContext) async throws -> EraseReply {
    let startedAt = time.monotonicMicroseconds
    let named = try pid(request.pid)
    guard NameRule.accepts(request.ground) else { throw ReceiptRefusal.malformedGround }
    let draft = ReceiptDraft(
      pid: named, kind: .erasure, scopes: [], source: request.source, version: 0)
    var unnamed = request
    unnamed.idempotencyKey = ""
    let recorded = try await ledger.erase(
      draft, ground: request.ground, by: context.peer.spiffeID,
      request: try RequestIdentity(
        request.idempotencyKey, of: unnamed, method: "Erase", by: context.peer.spiffeID))
    let passage = try await pass(recorded.receipt)
    // Everybody is asked under the pid that the erasure is recorded under.
    let erasure = PendingErasure(
      sequence: recorded.receipt.sequence, pid: try pid(recorded.receipt.pid))
    let task = try await finish([erasure], inForceAt: time.now)[0].task
    let missing = try await certificate(of: erasure, after: task)
    return EraseReply(
      receipt: recorded.receipt, gates: passage.outcomes,
      subjectKeyDestroyed: task.keyDestroyed,
      durationUs: time.monotonicMicroseconds - startedAt,
      token: try token(recorded.receipt.sequence), certified: missing.isEmpty,
      missing: missing.sorted())
  }

  /// Lets the vault destroy the people's keys, which share an epoch of its key tree, unless it has done
  /// so; answers how each erasure stands.
  func finish(
    _ erasures: [PendingErasure], inForceAt: Timestamp
  ) async throws -> [(sequence: UInt64, task: ErasureTask)] {
    let open = try erasures.filter { try ledger.erasureTask($0.sequence)?.isDone != true }
    if !open.isEmpty {
      try await ledger.finishErasures(
        try await forget(open), inForceAt: inForceAt, stores: configuration.erasureStores)
    }
    return try erasures.map { erasure in
      guard let task = try ledger.erasureTask(erasure.sequence) else {
        throw ReceiptRefusal.notErased
      }
      return (erasure.sequence, task)
    }
  }

  /// Has the vault destroy the people's keys; answers what it says of each, by its position.
  func forget(
    _ erasures: [PendingErasure]
  ) async throws(RPCError) -> [(sequence: UInt64, reply: ForgetReply)] {
    do throws(RPCError) {
      let reply = try await vault.forget(
        ForgetManyRequest(
          people: erasures.map {
            ForgetRequest(pid: $0.pid.bytes, erasureSequence: $0.sequence)
          }))
      guard reply.people.count == erasures.count else {
        throw RPCError(.dataLoss, "the vault did not answer for everybody")
      }
      return zip(erasures, reply.people).map { ($0.sequence, $1) }
    } catch {
      throw RPCError(
        .unavailable,
        "the erasure is recorded and in force, but the vault did not destroy the subject key "
          + "(\(error.code)); this service asks again until it does",
        details: erasures.prefix(1).map { StatusDetail("erasure-sequence", "\($0.sequence)") })
    }
  }

  /// Carries out what is left of recorded erasures, again and again until the task is cancelled.
  func retryErasures() async throws {
    while true {
      for erasure in try ledger.pendingErasures() {
        do {
          // The call that recorded it may have broken off before the gates knew.
          _ = try await roster.barrier(
            at: erasure.sequence, of: [erasure.pid], since: time.monotonicMicroseconds)
          note(try await finish([erasure], inForceAt: time.now))
          log.notice(
            "an erasure is complete", metadata: ["sequence": "\(erasure.sequence)"])
        } catch {
          try Task.checkCancellation()
          log.warning(
            "an erasure waits for the vault",
            metadata: ["sequence": "\(erasure.sequence)", "reason": "\(error)"])
          // One refusal may concern one person; the next may still succeed.
        }
      }
      // Gates that did not say what they did are asked again.
      if desk.isWaiting { roster.wakeGates() }
      try await time.sleep(milliseconds: configuration.erasureRetryMs)
    }
  }

  // MARK: - The certificate

  /// Waits for the certificate of an erasure; answers which stores are missing when the time is up.
  private func certificate(
    of erasure: PendingErasure, after task: ErasureTask
  ) async throws -> Set<String> {
    var task = task
    let end = time.monotonicMicroseconds + Int64(configuration.certificateWaitMs) * 1_000
    while true {
      let generation = desk.settled.generation
      let missing = note(task, at: erasure.sequence)
      let left = end - time.monotonicMicroseconds
      if missing.isEmpty || missing.contains(ConsentLedger.vaultName) || left <= 0 {
        return missing
      }
      try await desk.settled.wait(after: generation, timeoutMicroseconds: left)
      guard let now = try ledger.erasureTask(erasure.sequence) else { return missing }
      task = now
    }
  }

  /// Tells the desk how an erasure stands, and has gates asked what they did.
  @discardableResult
  func note(_ task: ErasureTask, at sequence: UInt64) -> Set<String> {
    note([(sequence, task)])
    return ConsentLedger.missing(from: task, stores: configuration.erasureStores)
  }

  /// The same of several: gates are waked once.
  func note(_ tasks: [(sequence: UInt64, task: ErasureTask)]) {
    let news = tasks.compactMap { sequence, task -> ErasureDesk.Standing? in
      let missing = ConsentLedger.missing(from: task, stores: configuration.erasureStores)
      // Without the vault's word, which it gives with the deed or not at all, nobody is asked.
      let awaited = missing.contains(ConsentLedger.vaultName) ? [] : missing
      guard let pid = PseudonymousID(bytes: task.pid), desk.isNews(sequence, missing: awaited)
      else { return nil }
      return ErasureDesk.Standing(sequence: sequence, pid: pid, missing: awaited)
    }
    guard !news.isEmpty else { return }
    desk.update(news)
    if !news.allSatisfy({ $0.missing.isEmpty }) { roster.wakeGates() }
  }

  /// Writes down what stores say of erasures, and certifies.
  func certifyErasures() async throws {
    note(try ledger.uncertifiedErasures().filter(\.task.isDone))
    while true {
      let generation = desk.arrived.generation
      while true {
        let answers = desk.takeAnswers()
        guard !answers.isEmpty else { break }
        defer { desk.release(answers) }
        do {
          note(try await ledger.note(answers, stores: configuration.erasureStores))
        } catch {
          try Task.checkCancellation()
          log.warning(
            "statements of erasures are not written down",
            metadata: ["count": "\(answers.count)", "reason": "\(error)"])
        }
      }
      try await desk.arrived.wait(after: generation)
      // The stores are asked together, and answer one behind the other.
      try await time.sleep(milliseconds: Self.answersGatheredMs)
    }
  }

  /// How long other answers are waited for behind the first one.
  private static let answersGatheredMs = 3

  package func erasureCertificate(
    _ request: CertificateRequest, context: CallContext
  ) async throws -> CertificateReply {
    let pid = try pid(request.pid)
    guard let (sequence, task) = try ledger.erasure(of: pid) else { throw ReceiptRefusal.notErased }
    guard !task.certificate.isEmpty else {
      let missing = ConsentLedger.missing(from: task, stores: configuration.erasureStores)
      return CertificateReply(
        statements: task.statements.map(\.note), missing: missing.sorted())
    }
    let evidence = try await ledger.evidence(ofErasure: task, at: sequence)
    return CertificateReply(
      certificate: task.certificate, statements: task.statements.map(\.note),
      evidence: evidence.packed())
  }
}
