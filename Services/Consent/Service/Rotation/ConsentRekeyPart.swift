internal import ConsentAPI
package import PrivacyCore
package import Renaming

/// What the consent service does in a rotation of pid keys, as the vault is told.
package struct ConsentRekeyPart: RekeyPart {
  private let ledger: ConsentLedger
  private let roster: GateRoster
  private let confirmed: ConfirmedRenamings

  /// The part of `service`.
  package init(_ service: ConsentService) {
    ledger = service.ledger
    roster = service.roster
    confirmed = service.confirmedRenamings
  }

  package func progress(of rotation: UInt32) throws -> RekeyProgress {
    let recorded = try ledger.renamingProgress()
    var progress = RekeyProgress()
    guard rotation > 0, recorded.rotation == rotation else { return progress }
    progress.renamings = confirmed.number(of: rotation)
    progress.rowsMoved = recorded.rowsMoved
    progress.peopleMoved = recorded.peopleMoved
    progress.rowsPerSecond = confirmed.rowsPerSecond
    // Rows move with the renaming. Left are the erasures that the vault has not carried out, and knows
    // by the former pid.
    progress.peopleLeft = UInt64(try ledger.pendingErasuresOfRenamed())
    return progress
  }

  package func pids(
    after pid: PseudonymousID?, limit: Int
  ) throws -> [(pid: PseudonymousID, rowCount: Int)] {
    try ledger.pids(after: pid, limit: limit)
  }

  package func retire(_ rotation: UInt32) async throws {
    guard rotation > 0 else { return }
    try await ledger.retire(rotation)
    roster.retire(rotation)
  }
}
