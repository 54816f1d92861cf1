internal import ConsentAPI
internal import Logging
internal import PrivacyCore
internal import VaultAPI

extension ConsentService {
  /// Records the erasures that this log does not know, because it was restored from a backup of
  /// before them, or is a new one. The vault remembers everybody who was forgotten; asked once in
  /// each epoch of the log, and again until it answers.
  func recordLostErasures() async throws {
    while try !ledger.knowsErasures(of: tokens.epoch) {
      do {
        let count = try await recordErasuresOfVault()
        try await ledger.noteErasuresKnown(in: tokens.epoch)
        if count > 0 {
          log.notice("erasures that the log had lost are recorded", metadata: ["count": "\(count)"])
        }
      } catch {
        try Task.checkCancellation()
        log.warning(
          "the vault does not say who was forgotten", metadata: ["reason": "\(error)"])
        try await time.sleep(milliseconds: configuration.erasureRetryMs)
      }
    }
  }

  private func recordErasuresOfVault() async throws -> Int {
    var count = 0
    var after: [UInt8] = []
    while true {
      let pids = try await vault.forgotten(ForgottenRequest(afterPid: after)).pids
      guard let last = pids.last else { return count }
      after = last
      count += try await eraseForgotten(try pids.map { try pid($0) })
    }
  }

  /// Records erasures of people whom the vault has forgotten; answers how many were not recorded.
  @discardableResult
  func eraseForgotten(_ pids: [PseudonymousID]) async throws -> Int {
    var recorded: [Receipt] = []
    for pid in pids {
      let draft = ReceiptDraft(pid: pid, kind: .erasure, scopes: [], source: "vault", version: 0)
      let erasure = try await ledger.eraseForgotten(
        draft, ground: Self.lostErasureGround, by: Self.lostErasurePrincipal)
      if erasure.isNew { recorded.append(erasure.receipt) }
    }
    // Carried out, and the gates waited for, as every erasure that was cut off.
    try makeKnown(recorded)
    return recorded.count
  }

  /// The ground of an erasure whose own record is lost.
  private static let lostErasureGround = "recorded-by-vault"
  private static let lostErasurePrincipal = "consent"
}
