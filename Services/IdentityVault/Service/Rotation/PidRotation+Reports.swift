internal import PrivacyCore
package import RPC
internal import SealedStore
internal import ServiceKit
internal import StoredMessages
internal import Synchronization
internal import Transport
package import VaultAPI

extension PidRotation {
  package func renamings(
    _ request: RenamingsRequest, context: CallContext
  ) async throws -> RenamingsReply {
    try store.read { snapshot in
      guard let record = try PersonRegistry.rotation(in: snapshot),
        record.phase == .dualWrite || record.phase == .dualRead
      else { return RenamingsReply() }
      let rows = try snapshot.rows(
        RotationTables.renamings, .after(request.after), limit: Self.renamingsPerPageMax)
      let renamings = try rows.map { row in
        guard let former = PseudonymousID(bytes: row.value),
          let next = try snapshot.get(RotationTables.successors, former)?.message
        else { throw StoreError.corrupted("a renaming has no pid") }
        return Renaming(number: row.key, formerPid: former.bytes, pid: next.pid)
      }
      return RenamingsReply(renamings: renamings, rotation: record.rotation)
    }
  }

  /// What was told of another rotation than the one that runs is not kept. What the next phase may
  /// depend on is in the store before anything follows from it.
  package func report(_ request: RekeyReport, context: CallContext) async throws -> RotationNews {
    guard context.peer.kind == .service,
      let service = WellKnownService(rawValue: context.peer.name), service != .vault
    else { throw RotationRefusal.notAService }
    guard let record = try store.read({ try PersonRegistry.rotation(in: $0) }) else {
      return RotationNews(reportAfterMs: Self.reportAfterMs.idle)
    }
    if record.isRunning, request.rotation == record.rotation {
      var report = request
      report.renamings = min(report.renamings, record.renamings)
      if report.scan?.rotation != record.rotation { report.scan = nil }
      try await keep(
        ServiceRekeying(
          service: service.rawValue, toldAtUs: time.now.microseconds, report: report), of: record)
      if service == .consent { keyring.confirm(confirmed(record), of: record.domain) }
    }
    guard record.isRunning else {
      return RotationNews(
        retiredRotation: record.retiredRotation, reportAfterMs: Self.reportAfterMs.idle)
    }
    return RotationNews(
      rotation: record.rotation, phase: record.phase,
      renamings: record.phase == .pending ? 0 : record.renamings,
      retiredRotation: record.retiredRotation, reportAfterMs: Self.reportAfterMs.running)
  }

  private func keep(_ told: ServiceRekeying, of record: PidRotationRecord) async throws {
    let before = state.withLock { $0.reports[told.service] }?.report
    let now = told.report
    let isNews =
      before?.rotation != now?.rotation || before?.renamings != now?.renamings
      || before?.scan != now?.scan || before?.peopleLeft != now?.peopleLeft
    if isNews {
      let isKept = try await store.write { transaction in
        let current = try PersonRegistry.rotation(in: transaction)
        guard current?.rotation == record.rotation else { return false }
        try transaction.put(RotationTables.reports, told.service, StoredMessage(told))
        return true
      }.value
      guard isKept else { return }
    }
    state.withLock { $0.reports[told.service] = told }
  }

  package func standings(
    _ request: StandingsRequest, context: CallContext
  ) async throws -> StandingsReply {
    guard (1...Self.standingsMax).contains(request.pids.count) else {
      throw RotationRefusal.tooManyPids(limit: Self.standingsMax)
    }
    let pids = try request.pids.map { bytes throws(VaultRefusal) in try pid(bytes) }
    return StandingsReply(
      standings: try registry.standings(of: pids).map { UInt8($0.rawValue) })
  }
}
