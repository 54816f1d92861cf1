package import ConsentAPI
package import PrivacyCore
internal import SealedStore
internal import StoredMessages
package import VaultAPI

/// An erasure and what is left to do for it.
package struct PendingErasure: Sendable {
  package let sequence: UInt64
  package let pid: PseudonymousID
}

extension ConsentLedger {
  /// The task of the erasure at `sequence`.
  package func erasureTask(_ sequence: UInt64) throws -> ErasureTask? {
    try store.read { try $0.get(ConsentTables.erasures, sequence)?.message }
  }

  /// The erasures that the vault has not carried out, oldest first.
  package func pendingErasures() throws -> [PendingErasure] {
    try store.read { snapshot in
      var pending: [PendingErasure] = []
      try snapshot.scan(ConsentTables.erasures) { sequence, stored in
        if !stored.message.isDone, let pid = PseudonymousID(bytes: stored.message.pid) {
          pending.append(PendingErasure(sequence: sequence, pid: pid))
        }
        return .next
      }
      return pending
    }
  }

  /// Notes that the vault has carried out erasures. The first note of each stands.
  ///
  /// - Parameters:
  ///   - replies: what the vault answered, by the positions of the erasures.
  ///   - inForceAt: when no gate served any of the people any more.
  ///   - stores: the other stores that must speak before there is a certificate.
  /// - Returns: the tasks as they stand now, in the order of `replies`.
  @discardableResult
  package func finishErasures(
    _ replies: [(sequence: UInt64, reply: ForgetReply)], inForceAt: Timestamp, stores: [String]
  ) async throws -> [ErasureTask] {
    try await store.write { transaction in
      var tasks: [ErasureTask] = []
      for (sequence, reply) in replies {
        tasks.append(
          try finish(sequence, reply, inForceAt: inForceAt, stores: stores, in: &transaction))
      }
      return tasks
    }.value
  }

  private func finish(
    _ sequence: UInt64, _ reply: ForgetReply, inForceAt: Timestamp, stores: [String],
    in transaction: inout WriteTransaction
  ) throws -> ErasureTask {
    guard var task = try transaction.get(ConsentTables.erasures, sequence)?.message else {
      throw StoreError.corrupted("erasure \(sequence) has no task")
    }
    guard !task.isDone else { return task }
    task.isDone = true
    task.doneAtUs = time.now.microseconds
    task.keyDestroyed = reply.keyDestroyed
    task.identifiersRemoved = reply.identifiersRemoved
    task.inForceAtUs = inForceAt.microseconds
    task.add(reply.statement, of: Self.vaultName)
    try certify(&task, sequence, stores: stores, in: &transaction)
    try transaction.put(ConsentTables.erasures, sequence, StoredMessage(task))
    return task
  }

  // MARK: Erasures that the vault knows

  /// Whether the vault has been asked, in this epoch of the log, who was forgotten.
  func knowsErasures(of epoch: UInt64) throws -> Bool {
    try store.read { try $0.get(ConsentTables.settings, Self.erasuresSetting) } == epoch
  }

  /// Notes that everybody who was forgotten is recorded as erased in this epoch of the log.
  func noteErasuresKnown(in epoch: UInt64) async throws {
    try await store.write { transaction in
      try transaction.put(ConsentTables.settings, Self.erasuresSetting, epoch)
    }
  }

  private static let erasuresSetting = "erasures_known_in_epoch"

  // MARK: Leases given by earlier runs

  /// Notes how long leases last from now on, and answers how long the longest can last that an
  /// earlier run gave, both in milliseconds.
  package func exchangeLease(ms: Int) async throws -> Int {
    try await store.write { transaction in
      let earlier = try transaction.get(ConsentTables.settings, Self.leaseSetting) ?? 0
      try transaction.put(ConsentTables.settings, Self.leaseSetting, UInt64(ms))
      return max(ms, Int(clamping: earlier))
    }.value
  }

  private static let leaseSetting = "lease_ms"
}
