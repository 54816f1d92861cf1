package import ConsentAPI
package import RPC

extension ConsentService {
  package func showNotice(
    _ request: ShowNoticeRequest, context: CallContext
  ) async throws -> Notice {
    try register.current.catalog.notice(request.id, version: request.version)
  }
}
