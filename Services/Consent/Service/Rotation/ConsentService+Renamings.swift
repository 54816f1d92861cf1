internal import ConsentAPI
internal import Logging
internal import PrivacyCore
internal import RPC
internal import VaultAPI

extension ConsentService {
  /// Records the renamings that the vault decides, page by page, until the task is cancelled. A page
  /// counts when every gate that may serve knows it; before that no other one is asked for, so that no
  /// gate falls behind by more than a page.
  func followRenamings(of vault: RotationClient) async throws {
    try await confirmEarlierRenamings()
    var isReachable = true
    while true {
      do {
        while try await recordRenamings(of: vault) { try Task.checkCancellation() }
        isReachable = true
      } catch {
        try Task.checkCancellation()
        if isReachable {
          log.warning(
            "the vault does not say who gets another pid", metadata: ["reason": "\(error)"])
        }
        isReachable = false
      }
      try await time.sleep(milliseconds: configuration.renamingPollMs)
    }
  }

  /// What an earlier run recorded is known everywhere before anything is said of it.
  private func confirmEarlierRenamings() async throws {
    let progress = try ledger.renamingProgress()
    guard progress.rotation > progress.retiredRotation else { return }
    _ = try await roster.barrier(
      at: roster.lastPosition, of: nil, since: time.monotonicMicroseconds)
    confirmedRenamings.confirm(progress.cursor, of: progress.rotation)
  }

  /// Records the next page. False where there is none.
  private func recordRenamings(of vault: RotationClient) async throws -> Bool {
    let progress = try ledger.renamingProgress()
    let options = CallOptions(timeoutMs: 10_000)
    var page = try await vault.renamings(
      RenamingsRequest(after: progress.cursor), options: options)
    guard page.rotation > progress.retiredRotation, page.rotation >= progress.rotation else {
      return false
    }
    if page.rotation != progress.rotation, progress.cursor > 0 {
      page = try await vault.renamings(RenamingsRequest(after: 0), options: options)
    }
    guard let last = page.renamings.last?.number else { return false }
    try await record(
      try page.renamings.map {
        PersonRenaming(
          number: $0.number, former: try pid($0.formerPid), pid: try pid($0.pid))
      }, in: page.rotation, before: progress)
    confirmedRenamings.confirm(last, of: page.rotation)
    return true
  }

  private func record(
    _ renamings: [PersonRenaming], in rotation: UInt32, before progress: RenamingProgress
  ) async throws {
    let start = time.monotonicMicroseconds
    var rest = renamings[...]
    while !rest.isEmpty {
      let batch = Array(rest.prefix(configuration.renamingBatchCount))
      rest = rest.dropFirst(batch.count)
      let outcome = try await ledger.rename(batch, in: rotation)
      if outcome.lastPosition > 0 {
        roster.committed(outcome.lastPosition, takesAway: false, renames: true)
      }
      try await eraseForgotten(outcome.toErase)
      if let number = outcome.refused.first {
        confirmedRenamings.refuse(outcome.refused.count)
        log.error(
          "people are not renamed: something stands under the pid that they are to get",
          metadata: [
            "rotation": "\(rotation)", "first": "\(number)", "count": "\(outcome.refused.count)",
          ])
      }
    }
    _ = try await roster.barrier(at: roster.lastPosition, of: nil, since: start)
    let after = try ledger.renamingProgress()
    roster.retire(after.retiredRotation)
    let earlier = after.rotation == progress.rotation ? progress.rowsMoved : 0
    confirmedRenamings.moved(
      after.rowsMoved - earlier, from: start, to: time.monotonicMicroseconds)
  }
}
