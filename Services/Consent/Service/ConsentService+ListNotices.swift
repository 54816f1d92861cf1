package import ConsentAPI
package import RPC

extension ConsentService {
  package func listNotices(
    _ request: ListNoticesRequest, context: CallContext
  ) async throws -> ListNoticesReply {
    let notices = register.current.catalog.notices
    guard request.id.isEmpty else {
      guard let versions = notices[request.id] else { throw ReceiptRefusal.unknownNotice }
      return ListNoticesReply(notices: versions.map(\.withoutTexts))
    }
    return ListNoticesReply(
      notices: notices.values.compactMap(\.last).sorted { $0.id < $1.id }.map(\.withoutTexts))
  }
}

extension Notice {
  /// The same with languages and hashes in place of the texts.
  fileprivate var withoutTexts: Notice {
    var notice = self
    for index in notice.texts.indices { notice.texts[index].text = "" }
    return notice
  }
}
