internal import AuditLog
package import HealthAPI
internal import KeyManagement
internal import PrivacyCore
package import RPC
internal import Transport

/// Answers `tacit.health.v1.Incident`: what the audit log says of a time window.
package struct IncidentService: IncidentServing {
  /// What is asked for on top by whoever wants to see the pids.
  package static let peopleScope = "incident.people"
  private static let listedLineCountMax = 10_000
  private static let listedPidCountMax = 100_000
  private static let listedGapCountMax = 10_000

  private let runtime: ServiceRuntime

  package init(runtime: ServiceRuntime) { self.runtime = runtime }

  package func showWindow(
    _ request: ShowWindowRequest, context: CallContext
  ) async throws -> IncidentWindow {
    guard request.fromUs < request.toUs else {
      throw RPCError(.invalidArgument, "a window ends after it begins")
    }
    guard
      !request.listPids || AccessPolicy().permits(context.peer, scope: Self.peopleScope)
    else {
      throw RPCError(.permissionDenied, "the pids are for those who answer for people's data")
    }
    let (from, to) = (
      Timestamp(microseconds: request.fromUs), Timestamp(microseconds: request.toUs)
    )
    // The reads that wait belong in the answer; the question itself is logged after it.
    try await runtime.audit.flushReads()
    let window = try runtime.audit.window(from: from, to: to)
    var reply = self.reply(window, listPids: request.listPids)
    reply.keys = runtime.keys.versions.filter { version in
      guard let created = Timestamp(rfc3339: version.createdAt) else { return true }
      let destroyed = Timestamp(rfc3339: version.destroyedAt)
      return created < to && (destroyed.map { $0 >= from } ?? true)
    }.map(KeyVersion.init)
    switch try runtime.audit.verify() {
    case .intact(let entryCount, _): reply.verifiedCount = entryCount
    case .broken(let number):
      reply.verifiedCount = number - 1
      reply.logProblem = "the audit log is broken at entry \(number)"
    case .brokenCheckpoint(let treeSize):
      reply.logProblem = "the audit log's checkpoint of \(treeSize) entries is not of this log"
    }
    try await runtime.audit.append(
      AuditEntry(
        principal: context.peer.spiffeID, action: "incident.show_window",
        details: [
          ("from", from.description), ("to", to.description),
          ("pids", request.listPids ? "listed" : "counted"),
        ]))
    return reply
  }

  private func reply(_ window: AuditWindow, listPids: Bool) -> IncidentWindow {
    var reply = IncidentWindow()
    reply.firstNumber = window.firstNumber
    reply.lastNumber = window.lastNumber
    reply.lines = window.lines.prefix(Self.listedLineCountMax).map { line in
      IncidentLine(
        principal: line.principal, action: line.action, purpose: line.purpose, count: line.count,
        pidCount: UInt64(line.pidCount), firstUs: line.first.microseconds,
        lastUs: line.last.microseconds, isRead: line.isRead)
    }
    reply.unlistedLineCount = UInt64(window.lines.count - reply.lines.count)
    reply.pidCount = UInt64(window.pids.count)
    if listPids { reply.pids = window.pids.sorted().prefix(Self.listedPidCountMax).map(\.bytes) }
    reply.readBatchCount = window.readBatchCount
    reply.readCount = window.readCount
    reply.closedCount = window.closedCount
    reply.gaps = window.gaps.prefix(Self.listedGapCountMax).map { gap in
      IncidentGap(from: gap.from.description, to: gap.to.description, reason: gap.reason)
    }
    return reply
  }
}
