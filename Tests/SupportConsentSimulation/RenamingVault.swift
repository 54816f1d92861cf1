internal import PrivacyCore
internal import RPC
internal import VaultAPI

/// A vault of which only the rotation of pid keys is there: it decides when the client says so, and
/// keeps to the vault's rules, by what the consent service tells it.
///
/// `@unchecked Sendable`: see `World`.
final class RenamingVault: RotationServing, @unchecked Sendable {
  /// The number of the one rotation of a history.
  private static let rotation: UInt32 = 1

  /// The new pid of each former one, in the order they were decided.
  private(set) var renamings: [(former: PseudonymousID, pid: PseudonymousID)] = []
  /// The renamings up to this number are in force at every gate: what the consent service told.
  private(set) var confirmed: UInt64 = 0
  private(set) var isRetired = false

  /// The pid that a person gets, which only the vault knows until it is confirmed.
  static func successor(of pid: PseudonymousID) -> PseudonymousID {
    let (first, second, third, last) = pid.words
    return PseudonymousID(words: (~first, second, third, last))
  }

  /// Gives a person another pid.
  func rename(_ pid: PseudonymousID) {
    guard !isRetired, !renamings.contains(where: { $0.former == pid }) else { return }
    renamings.append((pid, Self.successor(of: pid)))
  }

  /// Whether the new pid of a person may be used.
  func isConfirmed(_ pid: PseudonymousID) -> Bool {
    let number = renamings.firstIndex { $0.former == pid }.map { UInt64($0) + 1 }
    return number.map { $0 <= confirmed } ?? false
  }

  /// Ends the rotation where everybody was renamed and all of it is confirmed.
  func retire(_ people: Int) {
    if renamings.count == people, confirmed >= UInt64(people) { isRetired = true }
  }

  // MARK: - Answers

  func renamings(
    _ request: RenamingsRequest, context: CallContext
  ) async throws -> RenamingsReply {
    guard !isRetired, !renamings.isEmpty else { return RenamingsReply() }
    let page = renamings.enumerated().dropFirst(Int(request.after)).prefix(1)
    return RenamingsReply(
      renamings: page.map { index, renaming in
        Renaming(
          number: UInt64(index) + 1, formerPid: renaming.former.bytes, pid: renaming.pid.bytes)
      }, rotation: Self.rotation)
  }

  func report(_ request: RekeyReport, context: CallContext) async throws -> RotationNews {
    if request.rotation == Self.rotation { confirmed = max(confirmed, request.renamings) }
    let isRunning = !isRetired && !renamings.isEmpty
    return RotationNews(
      rotation: isRunning ? Self.rotation : 0, phase: isRunning ? .dualWrite : .unspecified,
      renamings: UInt64(renamings.count), retiredRotation: isRetired ? Self.rotation : 0,
      reportAfterMs: 5)
  }

  private static let unused = RPCError(.unimplemented, "not part of a history")

  func begin(
    _ request: BeginRotationRequest, context: CallContext
  ) async throws -> RotationStatus { throw Self.unused }
  func advance(
    _ request: AdvanceRotationRequest, context: CallContext
  ) async throws -> RotationStatus { throw Self.unused }
  func abandon(
    _ request: AbandonRotationRequest, context: CallContext
  ) async throws -> RotationStatus { throw Self.unused }
  func status(
    _ request: RotationStatusRequest, context: CallContext
  ) async throws -> RotationStatus { throw Self.unused }
  func standings(
    _ request: StandingsRequest, context: CallContext
  ) async throws -> StandingsReply { throw Self.unused }
}
