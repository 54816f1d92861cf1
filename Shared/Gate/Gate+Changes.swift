internal import ConsentAPI
internal import PrivacyCore
internal import RPC
internal import Synchronization

extension Gate {
  /// Takes in changes, in log order: stops serving what they take away, lets the service purge,
  /// and only then begins to serve what they allow. Changes known already are passed over.
  package func apply(_ changes: [ConsentChange]) async throws {
    try await apply(changes, completeTo: changes.last?.sequence ?? .zero)
  }

  /// The same for a batch behind which the log is complete up to `end`.
  func apply(_ changes: [ConsentChange], completeTo end: LogSequenceNumber) async throws {
    let (fresh, epoch) = try state.withLock { state in
      let fresh = changes.filter { $0.sequence > state.applied }
      for change in fresh where change.takesAway || change.isRenaming {
        try state.table.takeAway(change)
      }
      return (fresh, state.tokens?.epoch ?? 0)
    }
    if !fresh.isEmpty { try await effects.apply(fresh, epoch: epoch) }
    try state.withLock { state in
      for change in fresh { try state.table.apply(change) }
      state.applied = max(state.applied, end)
      let applied = state.applied
      state.changeLeases(at: time.monotonicMicroseconds) { $0.advance(to: applied) }
    }
  }

  /// Forgets the former pids of a rotation that is over, and of those before it.
  package func retire(_ rotation: UInt32) { state.withLock { $0.table.retire(rotation) } }

  /// Reads a batch of the feed. It must follow on what the gate knows: a batch that was lost on the
  /// way may have taken something away, and leases would count without it. A receipt that this build
  /// does not understand may take something away, so the gate must not go on without it.
  func changes(of batch: ChangeBatch) throws(RPCError) -> [ConsentChange] {
    guard batch.afterSequence <= appliedSequence.value else {
      throw RPCError(
        .dataLoss,
        "the feed goes on behind position \(batch.afterSequence), the gate is at \(appliedSequence)"
      )
    }
    var changes: [ConsentChange] = []
    changes.reserveCapacity(batch.changes.count)
    for receipt in batch.changes {
      guard let change = ConsentChange(receipt) else {
        throw RPCError(
          .dataLoss, "the change at position \(receipt.sequence) of the consent log is malformed")
      }
      changes.append(change)
    }
    return changes
  }
}
