internal import AuditLog
internal import PrivacyCore
package import RPC
internal import SealedStore
internal import ServiceKit
internal import Synchronization
package import VaultAPI

extension PidRotationRecord {
  /// What the log says of a step.
  func entry(_ step: String, by principal: String) -> AuditEntry {
    AuditEntry(
      principal: principal, action: "vault.rotation_\(step)",
      details: [
        ("rotation", "\(rotation)"), ("domain", domain), ("phase", phase.text),
        ("former_key_version", "\(formerKeyVersion)"), ("key_version", "\(keyVersion)"),
        ("independent", "\(independent)"), ("renamings", "\(renamings)"),
      ])
  }

  /// The vault's own rows that still stand under former pids.
  var rowsLeft: UInt64 {
    switch phase {
    case .pending, .dualWrite: max(pids, renamings)
    case .dualRead: scanned ? 0 : renamings - min(movedThrough, renamings)
    case .unspecified, .retired, .unrecognized: 0
    }
  }
}

extension RotationPhase {
  /// As it is written in commands and logs.
  package var text: String {
    switch self {
    case .pending: "pending"
    case .dualWrite: "dual-write"
    case .dualRead: "dual-read"
    case .retired: "retired"
    case .unspecified, .unrecognized: "none"
    }
  }
}

extension PidRotation {
  package func status(
    _ request: RotationStatusRequest, context: CallContext
  ) async throws -> RotationStatus { try status() }

  /// How far it is.
  func status() throws -> RotationStatus {
    guard let record = try store.read({ try PersonRegistry.rotation(in: $0) }) else {
      return RotationStatus()
    }
    var (services, peoplePerSecond) = state.withLock {
      ($0.reports.values.sorted { $0.service < $1.service }, $0.peoplePerSecond)
    }
    if record.phase == .dualRead {
      services.append(
        ServiceRekeying(
          service: WellKnownService.vault.rawValue, toldAtUs: time.now.microseconds,
          report: RekeyReport(
            rotation: record.rotation, renamings: record.renamings,
            rowsMoved: record.movedThrough, peopleMoved: record.movedThrough,
            peopleLeft: record.rowsLeft, rowsPerS: peoplePerSecond)))
    }
    return RotationStatus(
      rotation: record.rotation, domain: record.domain, phase: record.phase,
      formerKeyVersion: record.formerKeyVersion, keyVersion: record.keyVersion,
      beganAtUs: record.beganAtUs, phaseBeganAtUs: record.phaseBeganAtUs,
      pids: record.computed ? record.renamings : max(record.pids, record.renamings),
      computed: record.renamings,
      renamings: record.phase == .pending || record.phase == .unspecified ? 0 : record.renamings,
      services: services, waitsFor: waits(record), vaultRowsLeft: record.rowsLeft,
      independent: record.independent)
  }

  /// What the next phase waits for, a sentence each.
  func waits(_ record: PidRotationRecord) -> [String] {
    switch record.phase {
    case .pending:
      return record.computed
        ? [] : ["\(record.renamings) of \(max(record.pids, record.renamings)) pids have a next one"]
    case .dualWrite:
      return waitsForConsent(record, underWayMax: Self.renamingsUnderWayMax)
    case .dualRead:
      var waits = waitsForConsent(record, underWayMax: 0)
      if record.movedThrough < record.renamings {
        waits.append("the vault has \(record.rowsLeft) of its own rows to move")
      } else if !record.scanned {
        waits.append("the vault has not looked through its own rows yet")
      }
      return waits + Self.stores.flatMap { waitsForScan(of: $0, record) }
    case .unspecified, .retired, .unrecognized: return []
    }
  }

  private func waitsForConsent(_ record: PidRotationRecord, underWayMax: UInt64) -> [String] {
    guard let report = report(of: .consent, record) else {
      return ["the consent service has not told how far it is"]
    }
    guard report.renamings + underWayMax < record.renamings else { return [] }
    return [
      "\(report.renamings) of \(record.renamings) renamings are in force at every gate"
    ]
  }

  /// What keeps former pids from being nobody's in one store.
  private func waitsForScan(
    of service: WellKnownService, _ record: PidRotationRecord
  ) -> [String] {
    let name = service.rawValue
    guard let report = report(of: service, record) else {
      return service == .consent ? [] : ["\(name) has not told how far it is"]
    }
    if report.peopleLeft > 0 { return ["\(name) has \(report.peopleLeft) people to move"] }
    guard let scan = report.scan, scan.rotation == record.rotation, scan.phase == .dualRead else {
      return ["\(name) has not looked through its store since new pids are given out"]
    }
    if scan.renamings < record.renamings {
      return [
        "\(name) looked through its store after \(scan.renamings) of \(record.renamings) renamings"
      ]
    }
    var waits: [String] = []
    if scan.formerRows > 0 { waits.append("\(name) has \(scan.formerRows) rows under former pids") }
    if scan.unknownRows > 0 {
      waits.append("\(name) has \(scan.unknownRows) rows under pids that the vault does not know")
    }
    return waits
  }

  /// For `status` of the service: the rotation that runs and what is left of it here.
  func measures() -> [(name: String, value: Double)] {
    guard let record = try? store.read({ try PersonRegistry.rotation(in: $0) }) else { return [] }
    return [
      ("pid_rotation", record.isRunning ? Double(record.rotation) : 0),
      ("pid_rotation_phase", Double(record.phase.rawValue)),
      ("pid_renamings", Double(record.renamings)),
      ("pid_rows_left", Double(record.rowsLeft)),
    ]
  }
}
