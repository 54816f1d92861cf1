package import ConsentAPI
package import RPC

extension ConsentService {
  package func diffNotices(
    _ request: DiffNoticesRequest, context: CallContext
  ) async throws -> DiffNoticesReply {
    let catalog = register.current.catalog
    let new = try catalog.notice(request.id, version: request.toVersion)
    guard request.fromVersion != 0 || new.version > 1 else {
      throw ReceiptRefusal.unknownNoticeVersion(newest: new.version)
    }
    let old = try catalog.notice(
      request.id, version: request.fromVersion == 0 ? new.version - 1 : request.fromVersion)
    let differences = NoticeDifferences.between(old, new)
    return DiffNoticesReply(
      fromVersion: old.version, toVersion: new.version, differences: differences,
      isMaterial: differences.contains(where: \.isMaterial))
  }
}
