package import Cryptography
package import PrivacyCore
package import SealedStore

/// What a store does to move the rows of people to their new pids.
package protocol RekeyMover: Sendable {
  /// The keys of people; whoever was forgotten, or is not known, is left out.
  func subjectKeys(of pids: [PseudonymousID]) async throws -> [PseudonymousID: SealingKey]

  /// Reads the rows of a person and seals them for the new place.
  ///
  /// - Throws: `StoreError.subjectKeyNeeded` where there are some and the key is missing;
  ///   `unreadable` where it opens one of them not.
  func prepare(
    _ move: PlannedMove, under key: SealingKey?, in snapshot: borrowing ReadSnapshot
  ) throws -> [MovedRows]

  /// Whether what was made ready can be moved.
  func readiness(
    of rows: [MovedRows], for move: PlannedMove, in transaction: borrowing WriteTransaction
  ) throws -> MoveReadiness

  /// Moves what else stands under the person's pid: rows under the store's own keys. Tells how many.
  func moveOthers(_ move: PlannedMove, in transaction: inout WriteTransaction) throws -> Int

  /// Moves the rows of a person of whom there are rows at the new place already, so that both remain.
  /// Tells how many.
  func merge(
    _ move: PlannedMove, under key: SealingKey, in transaction: inout WriteTransaction
  ) throws -> Int

  /// These people stand at their new places, as of the transaction at `sequence`: what memory holds of
  /// them goes with them.
  func didMove(_ moves: [PlannedMove], at sequence: LogSequenceNumber)

  /// A former pid is nobody's any more: the key that memory holds under it goes.
  func forget(_ former: PseudonymousID)
}
