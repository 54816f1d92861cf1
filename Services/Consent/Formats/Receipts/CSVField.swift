internal import PrivacyCore

/// The columns a CSV file of receipts may have, named like the fields of the JSON form.
enum CSVField: String, CaseIterable {
  case consentID = "consent_id"
  case pid = "user_id_hashed"
  case scopes
  case grantedAt = "granted_at"
  case expiresAt = "expires_at"
  case source, version, kind
  case deniedScopes = "denied_scopes"
  case noticeID = "notice_id"
  case noticeLanguage = "notice_language"
  case noticeTextHash = "notice_text_hash"
  case controller, jurisdiction
  case piiCategories = "pii_categories"
  case recipients, retention
  case withdrawalMethod = "withdrawal_method"
  case purposes
  case actorKind = "actor_kind"
  case actorName = "actor_name"
  case actorMajorityAt = "actor_majority_at"
  case evidenceHash = "evidence_hash"
  case recordedAt = "recorded_at"
  case sequence
  case personSequence = "person_sequence"
  case previousHash = "previous_hash"
  case formerPID = "former_user_id_hashed"

  /// The columns that a file must have.
  static let required: [CSVField] = [.consentID, .pid, .scopes, .grantedAt, .source, .version]
}

extension ReceiptBuilder {
  /// Takes one cell; an empty one says nothing.
  mutating func set(_ field: CSVField, to cell: ArraySlice<UInt8>) throws(FormatFault.Reason) {
    guard !cell.isEmpty else { return }
    guard let text = String(validating: cell, as: UTF8.self) else { throw .notUTF8 }
    let name = field.rawValue
    switch field {
    case .consentID: consentID = try FieldValue.consentID(text)
    case .pid: pid = try FieldValue.pid(text)
    case .scopes: scopes = try CSVList.read(text, name)
    case .grantedAt: grantedAt = try FieldValue.time(text, name)
    case .expiresAt: expiresAt = try FieldValue.time(text, name)
    case .source: source = text
    case .version:
      version = UInt32(try FieldValue.number(text, name, max: UInt64(UInt32.max)))
    case .kind: kind = try FieldValue.word(text, name)
    case .deniedScopes: deniedScopes = try CSVList.read(text, name)
    case .recordedAt: recordedAt = try FieldValue.time(text, name)
    case .sequence: sequence = try FieldValue.number(text, name)
    case .personSequence: personSequence = try FieldValue.number(text, name)
    case .previousHash: previousHash = try FieldValue.hash(text, name)
    case .formerPID: formerPID = try FieldValue.pid(text, name)
    default: try setDetail(field, to: text, cell)
    }
  }

  private mutating func setDetail(
    _ field: CSVField, to text: String, _ cell: ArraySlice<UInt8>
  ) throws(FormatFault.Reason) {
    let name = field.rawValue
    switch field {
    case .noticeID: notice = notice ?? .init(); notice?.id = text
    case .noticeLanguage: notice = notice ?? .init(); notice?.language = text
    case .noticeTextHash:
      notice = notice ?? .init()
      notice?.textHash = try FieldValue.hash(text, name)
    case .controller: controller = text
    case .jurisdiction: jurisdiction = text
    case .piiCategories: piiCategories = try CSVList.read(text, name)
    case .recipients: recipients = try CSVList.read(text, name)
    case .retention: retention = text
    case .withdrawalMethod: withdrawalMethod = text
    case .purposes: purposes = try Self.purposes(ofCell: cell)
    case .actorKind: actor = actor ?? .init(); actor?.kind = try FieldValue.word(text, name)
    case .actorName: actor = actor ?? .init(); actor?.name = text
    case .actorMajorityAt:
      actor = actor ?? .init()
      actor?.majorityAt = try FieldValue.time(text, name)
    default: evidenceHash = try FieldValue.hash(text, name)
    }
  }

  private static func purposes(
    ofCell cell: ArraySlice<UInt8>
  ) throws(FormatFault.Reason) -> [ReceiptDocument.Purpose] {
    var cursor = JSONCursor(cell)
    do throws(FormatFault) {
      let purposes = try purposes(&cursor)
      try cursor.expectEnd()
      return purposes
    } catch { throw error.reason }
  }
}

/// Several texts in one cell: `a;b`. A semicolon or a backslash within one is written `\;` or
/// `\\`, an empty one `\e`; an empty cell is an empty list.
enum CSVList {
  static func read(_ text: String, _ field: String) throws(FormatFault.Reason) -> [String] {
    var list: [String] = []
    var element: [UInt8] = []
    var isEmptyOne = false
    var iterator = text.utf8.makeIterator()
    var isAtEnd = false
    while !isAtEnd {
      let character = iterator.next()
      switch character {
      case UInt8(ascii: ";"), nil:
        guard !element.isEmpty || isEmptyOne else {
          throw .malformedField(field, expected: "a list: an element is empty and not \\e")
        }
        guard list.count < ReceiptLimits.elementCountMax else {
          throw .tooManyElements(field, countMax: ReceiptLimits.elementCountMax)
        }
        list.append(String(decoding: element, as: UTF8.self))
        element.removeAll(keepingCapacity: true)
        isEmptyOne = false
        isAtEnd = character == nil
      case UInt8(ascii: "\\"):
        switch iterator.next() {
        case UInt8(ascii: ";"): element.append(UInt8(ascii: ";"))
        case UInt8(ascii: "\\"): element.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "e") where element.isEmpty && !isEmptyOne: isEmptyOne = true
        default: throw .malformedField(field, expected: "a list: a backslash without ; \\ or e")
        }
      case .some(let character):
        guard !isEmptyOne else {
          throw .malformedField(field, expected: "a list: something follows \\e")
        }
        element.append(character)
      }
    }
    return list
  }

  static func write(_ list: [String]) -> String {
    list.map { element in
      guard !element.isEmpty else { return "\\e" }
      guard element.utf8.contains(where: { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: "\\") })
      else { return element }
      var text = ""
      for scalar in element.unicodeScalars {
        if scalar == ";" || scalar == "\\" { text += "\\" }
        text.unicodeScalars.append(scalar)
      }
      return text
    }.joined(separator: ";")
  }
}
