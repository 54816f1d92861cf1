package import ConsentAPI
package import PrivacyCore
internal import SealedStore
internal import StoredMessages

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

  /// Notes that the vault has carried out an erasure. The first note stands.
  ///
  /// - Parameters:
  ///   - inForceAt: when no gate served the person any more.
  ///   - stores: the other stores that must speak before there is a certificate.
  package func finishErasure(
    _ sequence: UInt64, keyDestroyed: Bool, identifiersRemoved: UInt32, statement: [UInt8],
    inForceAt: Timestamp, stores: [String]
  ) async throws -> ErasureTask {
    try await store.write { transaction in
      guard var task = try transaction.get(ConsentTables.erasures, sequence)?.message else {
        throw StoreError.corrupted("erasure \(sequence) has no task")
      }
      guard !task.isDone else { return task }
      task.isDone = true
      task.doneAtUs = time.now.microseconds
      task.keyDestroyed = keyDestroyed
      task.identifiersRemoved = identifiersRemoved
      task.inForceAtUs = inForceAt.microseconds
      task.add(statement, of: Self.vaultName)
      try certify(&task, sequence, stores: stores, in: &transaction)
      try transaction.put(ConsentTables.erasures, sequence, StoredMessage(task))
      return task
    }.value
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
