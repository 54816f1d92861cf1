internal import ConsentAPI
internal import PrivacyCore

extension ReceiptRules {
  /// The most bytes of a text in the details, and the most of a category.
  package static let textByteCountMax = 256
  package static let categoryByteCountMax = 128
  /// The most PII categories, and the most recipients.
  package static let listCountMax = 64
  /// The most bytes of all details together.
  package static let detailsByteCountMax = 24_576

  /// Refuses details that cannot be.
  func check(
    _ details: ReceiptDetails, of draft: ReceiptDraft, grantedAt: Timestamp
  ) throws(ReceiptRefusal) {
    if let notice = details.notice { try check(notice) }
    try check(details.controller, "the controller")
    try check(details.jurisdiction, "the jurisdiction", byteCountMax: 64)
    // An address of the controller's may stand here, by mail too: it is nobody's who consented.
    try check(details.withdrawalMethod, "the withdrawal method", isGuarded: false)
    guard details.piiCategories.count <= Self.listCountMax else {
      throw .malformedText(field: "the list of PII categories")
    }
    for category in details.piiCategories {
      try check(category, "a PII category", byteCountMax: Self.categoryByteCountMax)
    }
    guard details.recipients.count <= Self.listCountMax else {
      throw .malformedText(field: "the list of recipients")
    }
    for recipient in details.recipients { try check(recipient, "a recipient") }
    try ConsentCatalog.check(retention: details.retention)
    guard [0, 32].contains(details.evidenceHash.count) else {
      throw .malformedHash(field: "the evidence hash")
    }
    try checkScopes(details.purposes.map(\.purpose))
    for purpose in details.purposes {
      guard draft.scopes.contains(purpose.purpose) || draft.deniedScopes.contains(purpose.purpose)
      else { throw .purposeNotAnswered(purpose.purpose) }
      try ConsentCatalog.check(retention: purpose.retention)
    }
    if let actor = details.actor { try check(actor, of: draft, grantedAt: grantedAt) }
    guard details.roughByteCount <= Self.detailsByteCountMax else {
      throw .malformedText(field: "what the receipt says besides, taken together,")
    }
  }

  private func check(_ notice: NoticeReference) throws(ReceiptRefusal) {
    guard notice.id.isEmpty || NameRule.accepts(notice.id) else { throw .unknownNotice }
    guard notice.language.isEmpty || LanguageTag.accepts(notice.language) else {
      throw .malformedLanguage
    }
    guard [0, 32].contains(notice.textHash.count) else {
      throw .malformedHash(field: "the hash of the notice's text")
    }
  }

  private func check(
    _ actor: Actor, of draft: ReceiptDraft, grantedAt: Timestamp
  ) throws(ReceiptRefusal) {
    try check(actor.name, "the actor's name")
    switch actor.kind {
    case .guardian:
      guard actor.majorityAtUs > grantedAt.microseconds else {
        throw .malformedActor("a guardian speaks until the person comes of age: say when that is")
      }
      if let expiresAt = draft.expiresAt, expiresAt.microseconds > actor.majorityAtUs {
        throw .guardianBeyondMajority
      }
    case .agent, .browserSignal:
      guard !actor.name.isEmpty else { throw .malformedActor("it has no name") }
      guard actor.majorityAtUs == 0 else { throw Self.needlessMajority }
    case .`self`, .import:
      guard actor.majorityAtUs == 0 else { throw Self.needlessMajority }
    case .unspecified, .unrecognized: throw .malformedActor("its kind is not known")
    }
  }

  private static let needlessMajority = ReceiptRefusal.malformedActor(
    "only a guardian speaks until the person comes of age")

  private func check(
    _ text: String, _ field: String, byteCountMax: Int = Self.textByteCountMax,
    isGuarded: Bool = true
  ) throws(ReceiptRefusal) {
    guard text.utf8.count <= byteCountMax,
      text.utf8.allSatisfy({ $0 >= UInt8(ascii: " ") && $0 != 0x7F })
    else { throw .malformedText(field: field) }
    if isGuarded, IdentifierGuard.finding(in: text) != nil {
      throw .malformedText(
        field: field + " looks like an identifier, which belongs in the vault: it")
    }
  }
}

extension ReceiptDetails {
  /// About how many bytes they take in a message.
  var roughByteCount: Int {
    let lists = (piiCategories + recipients).reduce(0) { $0 + $1.utf8.count + 3 }
    let purposes = purposes.reduce(0) {
      $0 + $1.purpose.utf8.count + $1.coveredBy.utf8.count + $1.retention.utf8.count + 12
    }
    return 160 + controller.utf8.count + withdrawalMethod.utf8.count + lists + purposes
      + (actor?.name.utf8.count ?? 0)
  }
}
