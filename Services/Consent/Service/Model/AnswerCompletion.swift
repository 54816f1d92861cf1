internal import ConsentAPI
internal import PrivacyCore

extension ConsentCatalog {
  /// An answer to a notice with everything filled in: what the notice says, and the purposes below
  /// those that were asked for, where the notice says that an answer covers them.
  ///
  /// The purposes below are those of today, and they are written down in the receipt: what is added
  /// to the tree later is not covered by an answer of before.
  ///
  /// - Throws: `unknownNotice` and its like where the draft names a notice that does not fit it.
  package func complete(_ draft: ReceiptDraft) throws(ReceiptRefusal) -> ReceiptDraft {
    guard draft.kind.isAnswer, var details = draft.details else { return draft }
    guard let reference = details.notice, !reference.id.isEmpty else {
      details.purposes = purposes(of: draft, answers: answers(to: draft, in: nil), in: nil)
      var complete = draft
      complete.details = details
      return complete
    }
    guard draft.version > 0 else { throw .noVersion }
    let notice = try notice(reference.id, version: draft.version)
    details.notice = try Self.complete(reference, in: notice)
    try Self.fill(&details.controller, notice.controller, "the controller")
    try Self.fill(&details.jurisdiction, notice.jurisdiction, "the jurisdiction")
    try Self.fill(&details.retention, notice.retention, "the retention")
    try Self.fill(&details.withdrawalMethod, notice.withdrawalMethod, "the withdrawal method")
    try Self.fill(&details.piiCategories, notice.piiCategories, "the PII categories")
    try Self.fill(&details.recipients, notice.recipients, "the recipients")
    let answers = answers(to: draft, in: notice)
    for answer in answers where answer.coveredBy.isEmpty {
      guard notice.purposes.contains(where: { $0.purpose == answer.purpose }) else {
        throw .notInNotice(answer.purpose)
      }
    }
    details.purposes = purposes(of: draft, answers: answers, in: notice)
    var complete = draft
    complete.scopes = answers.filter(\.isGrant).map(\.purpose)
    complete.deniedScopes = answers.filter { !$0.isGrant }.map(\.purpose)
    guard answers.count <= ReceiptRules.scopeCountMax else {
      throw .tooManyScopes(limit: ReceiptRules.scopeCountMax)
    }
    complete.details = details
    return complete
  }

  private struct Answer {
    let purpose: String
    let isGrant: Bool
    var coveredBy = ""
  }

  /// What was said to each purpose: to those that are named, then to those that they cover. Where
  /// two cover the same, the nearer one counts; a purpose that is named counts for itself.
  private func answers(to draft: ReceiptDraft, in notice: Notice?) -> [Answer] {
    var named =
      draft.scopes.map { Answer(purpose: $0, isGrant: true) }
      + draft.deniedScopes.map { Answer(purpose: $0, isGrant: false) }
    let covering = Set((notice?.purposes ?? []).lazy.filter(\.coversChildren).map(\.purpose))
    guard !covering.isEmpty else { return named }
    // A receipt from elsewhere says itself what was covered; nothing is added to it.
    let told = draft.details?.purposes.filter { !$0.coveredBy.isEmpty } ?? []
    if !told.isEmpty {
      for index in named.indices {
        let above = told.first { $0.purpose == named[index].purpose }?.coveredBy ?? ""
        guard covering.contains(above), tree.ancestors(of: named[index].purpose).contains(above)
        else { continue }
        named[index].coveredBy = above
      }
      return named
    }
    var answers = named
    let below = Set(named.filter { covering.contains($0.purpose) }.map(\.purpose))
      .reduce(into: Set<String>()) { $0.formUnion(tree.descendants(of: $1)) }
    for purpose in below.sorted() where !named.contains(where: { $0.purpose == purpose }) {
      let above = tree.ancestors(of: purpose).first { ancestor in
        covering.contains(ancestor) && named.contains { $0.purpose == ancestor }
      }
      guard let above, let answer = named.first(where: { $0.purpose == above }) else { continue }
      answers.append(Answer(purpose: purpose, isGrant: answer.isGrant, coveredBy: above))
    }
    return answers
  }

  private func purposes(
    of draft: ReceiptDraft, answers: [Answer], in notice: Notice?
  ) -> [PurposeConsent] {
    answers.map { answer in
      let source = answer.coveredBy.isEmpty ? answer.purpose : answer.coveredBy
      let told = notice?.purposes.first { $0.purpose == source }
      let given = draft.details?.purposes.first { $0.purpose == answer.purpose }
      let givenBasis = given?.legalBasis ?? .unspecified
      let givenRetention = given?.retention ?? ""
      return PurposeConsent(
        purpose: answer.purpose, decision: answer.isGrant ? .granted : .denied,
        legalBasis: told?.legalBasis ?? givenBasis, coveredBy: answer.coveredBy,
        retention: told?.retention ?? givenRetention)
    }
  }

  /// The reference with language and hash, which must be those of the notice.
  private static func complete(
    _ reference: NoticeReference, in notice: Notice
  ) throws(ReceiptRefusal) -> NoticeReference {
    let shown: NoticeText?
    if !reference.language.isEmpty {
      shown = notice.texts.first { LanguageTag.matches($0.language, reference.language) }
      if shown == nil { throw .languageNotInNotice }
    } else if !reference.textHash.isEmpty {
      shown = notice.texts.first { $0.textHash == reference.textHash }
    } else {
      guard notice.texts.count == 1 else { throw .noNoticeLanguage }
      shown = notice.texts.first
    }
    guard let shown, reference.textHash.isEmpty || reference.textHash == shown.textHash else {
      throw .otherNoticeText
    }
    return NoticeReference(
      id: notice.id, language: shown.language, textHash: shown.textHash)
  }

  /// Fills in what the notice says; what the caller says must be the same.
  private static func fill<Value: Equatable & Collection>(
    _ field: inout Value, _ told: Value, _ name: String
  ) throws(ReceiptRefusal) {
    guard field.isEmpty || field == told else { throw .differsFromNotice(name) }
    field = told
  }
}
