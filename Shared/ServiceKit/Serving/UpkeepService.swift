internal import AuditLog
internal import CommonAPI
internal import Foundation
package import HealthAPI
internal import KeyManagement
internal import PrivacyCore
package import RPC
internal import SealedStore
internal import Transport

/// Answers `tacit.health.v1.Upkeep`: backup and verification of a running service's store.
package struct UpkeepService: UpkeepServing {
  let runtime: ServiceRuntime

  package init(runtime: ServiceRuntime) { self.runtime = runtime }

  package func backup(_ request: BackupRequest, context: CallContext) async throws -> BackupReply {
    guard request.directory.hasPrefix("/") else {
      throw RPCError(.invalidArgument, "name the directory by its whole path, from / on")
    }
    let last = runtime.store.lastSequence
    do {
      // The keys are wrapped by the KMS: without its root key the backup shows nobody anything.
      try runtime.store.backup(
        to: URL(filePath: request.directory), companions: [ServiceKeys.fileName])
    } catch {
      throw RPCError(.failedPrecondition, "\(error)")
    }
    try await runtime.audit.append(
      AuditEntry(principal: context.peer.spiffeID, action: "store.backup"))
    return BackupReply(lastSequence: last.value)
  }

  package func verify(_ request: VerifyRequest, context: CallContext) async throws -> VerifyReply {
    let report = try runtime.store.verify()
    var reply = VerifyReply()
    reply.tables = report.tables.map { Measure(name: $0.name, value: Double($0.rowCount)) }
    reply.problems = report.problems
    switch try runtime.audit.verify() {
    case .intact(let entryCount, _): reply.auditEntryCount = entryCount
    case .broken(let number):
      reply.auditEntryCount = number - 1
      reply.problems.append("the audit log is broken at entry \(number)")
    case .brokenCheckpoint(let treeSize):
      reply.problems.append(
        "the audit log's checkpoint of \(treeSize) entries is not of this log")
    }
    return reply
  }
}
