internal import ConsentAPI
internal import PrivacyCore

// The members of a receipt's JSON form that say what it says besides. All of them may be left out:
//
//     "denied_scopes":["marketing"],
//     "notice":{"id":"shop","language":"de","text_hash":"<64 hexadecimal digits>"},
//     "controller":"…","jurisdiction":"DE","pii_categories":["…"],"recipients":["…"],
//     "retention":"P2Y","withdrawal_method":"…",
//     "purposes":[{"purpose":"analytics","decision":"granted","legal_basis":"consent",
//                  "covered_by":"…","retention":"P1Y"}],
//     "actor":{"kind":"guardian","name":"…","majority_at":"2031-05-01T00:00:00Z"},
//     "evidence_hash":"<64 hexadecimal digits>"

/// The names in the JSON form of what the schema numbers.
enum ReceiptWords {
  static let decisions: [(String, PurposeDecision)] = [("granted", .granted), ("denied", .denied)]
  static let bases: [(String, LegalBasis)] = [
    ("consent", .consent), ("contract", .contract), ("legal_obligation", .legalObligation),
    ("vital_interests", .vitalInterests), ("public_task", .publicTask),
    ("legitimate_interests", .legitimateInterests), ("explicit_consent", .explicitConsent),
  ]
  static let actors: [(String, ActorKind)] = [
    ("self", .`self`), ("guardian", .guardian), ("agent", .agent), ("import", .import),
    ("browser_signal", .browserSignal),
  ]

  static func value<Value: Equatable>(
    _ text: String, in words: [(String, Value)], _ field: String
  ) throws(ReceiptRefusal) -> Value {
    guard let value = words.first(where: { $0.0 == text })?.1 else {
      throw .malformedJSON("\(field) is none of \(words.map(\.0).joined(separator: ", "))")
    }
    return value
  }

  static func text<Value: Equatable>(_ value: Value, in words: [(String, Value)]) -> String {
    words.first { $0.1 == value }?.0 ?? ""
  }
}

extension JSONReader {
  /// An object, member by member; `read` must take the member's value.
  mutating func object(
    _ read: (String, inout JSONReader) throws(ReceiptRefusal) -> Void
  ) throws(ReceiptRefusal) {
    try expect("{")
    if take("}") { return }
    var names: Set<String> = []
    repeat {
      let name = try string()
      guard names.insert(name).inserted else {
        throw fault(
          NameRule.accepts(name) ? "the field \(name) stands there twice" : "a field twice")
      }
      try expect(":")
      try read(name, &self)
    } while take(",")
    try expect("}")
  }

  /// Refuses a field that the form does not have. Only a plain name is repeated: anything else
  /// could be somebody's data.
  func unknown(_ name: String) -> ReceiptRefusal {
    fault(NameRule.accepts(name) ? "the field \(name) is not known" : "an unknown field")
  }

  /// A SHA-256 in hexadecimal.
  mutating func hash(_ field: String) throws(ReceiptRefusal) -> [UInt8] {
    guard let bytes = Hexadecimal.decode(try string()), bytes.count == 32 else {
      throw fault("\(field) is not 64 hexadecimal digits")
    }
    return bytes
  }
}

extension ReceiptDetails {
  /// Reads the member `name`; false where it is none of the details.
  mutating func read(
    _ name: String, from reader: inout JSONReader
  ) throws(ReceiptRefusal) -> Bool {
    switch name {
    case "notice": notice = try Self.notice(&reader)
    case "controller": controller = try reader.string()
    case "jurisdiction": jurisdiction = try reader.string()
    case "pii_categories":
      piiCategories = try reader.strings(countMax: ReceiptRules.listCountMax)
    case "recipients": recipients = try reader.strings(countMax: ReceiptRules.listCountMax)
    case "retention": retention = try reader.string()
    case "withdrawal_method": withdrawalMethod = try reader.string()
    case "purposes": purposes = try Self.purposes(&reader)
    case "actor": actor = try Self.actor(&reader)
    case "evidence_hash": evidenceHash = try reader.hash("evidence_hash")
    default: return false
    }
    return true
  }

  private static func notice(
    _ reader: inout JSONReader
  ) throws(ReceiptRefusal) -> NoticeReference {
    var notice = NoticeReference()
    try reader.object { name, reader throws(ReceiptRefusal) in
      switch name {
      case "id": notice.id = try reader.string()
      case "language": notice.language = try reader.string()
      case "text_hash": notice.textHash = try reader.hash("text_hash")
      default: throw reader.unknown(name)
      }
    }
    return notice
  }

  private static func purposes(
    _ reader: inout JSONReader
  ) throws(ReceiptRefusal) -> [PurposeConsent] {
    try reader.expect("[")
    if reader.take("]") { return [] }
    var purposes: [PurposeConsent] = []
    repeat {
      guard purposes.count < ReceiptRules.scopeCountMax else {
        throw reader.fault("more than \(ReceiptRules.scopeCountMax) purposes")
      }
      var purpose = PurposeConsent()
      try reader.object { name, reader throws(ReceiptRefusal) in
        switch name {
        case "purpose": purpose.purpose = try reader.string()
        case "decision":
          purpose.decision = try ReceiptWords.value(
            try reader.string(), in: ReceiptWords.decisions, name)
        case "legal_basis":
          purpose.legalBasis = try ReceiptWords.value(
            try reader.string(), in: ReceiptWords.bases, name)
        case "covered_by": purpose.coveredBy = try reader.string()
        case "retention": purpose.retention = try reader.string()
        default: throw reader.unknown(name)
        }
      }
      purposes.append(purpose)
    } while reader.take(",")
    try reader.expect("]")
    return purposes
  }

  private static func actor(_ reader: inout JSONReader) throws(ReceiptRefusal) -> Actor {
    var actor = Actor()
    try reader.object { name, reader throws(ReceiptRefusal) in
      switch name {
      case "kind":
        actor.kind = try ReceiptWords.value(
          try reader.string(), in: ReceiptWords.actors, name)
      case "name": actor.name = try reader.string()
      case "majority_at":
        guard let time = ReceiptTime.read(try reader.string()) else {
          throw reader.fault("majority_at is not an RFC 3339 date and time")
        }
        actor.majorityAtUs = time.microseconds
      default: throw reader.unknown(name)
      }
    }
    return actor
  }
}

// MARK: - Writing

extension ReceiptJSON {
  /// Appends the members of `details` that say something, each behind a comma.
  static func append(_ details: ReceiptDetails, to line: inout String) {
    if let notice = details.notice {
      line += ",\"notice\":{"
      var isFirst = true
      append("id", notice.id, to: &line, isFirst: &isFirst)
      append("language", notice.language, to: &line, isFirst: &isFirst)
      append("text_hash", Hexadecimal.encode(notice.textHash), to: &line, isFirst: &isFirst)
      line += "}"
    }
    append("controller", details.controller, to: &line)
    append("jurisdiction", details.jurisdiction, to: &line)
    append("pii_categories", details.piiCategories, to: &line)
    append("recipients", details.recipients, to: &line)
    append("retention", details.retention, to: &line)
    append("withdrawal_method", details.withdrawalMethod, to: &line)
    if !details.purposes.isEmpty {
      line += ",\"purposes\":["
      for (index, purpose) in details.purposes.enumerated() {
        line += index > 0 ? ",{" : "{"
        var isFirst = true
        append("purpose", purpose.purpose, to: &line, isFirst: &isFirst)
        append(
          "decision", ReceiptWords.text(purpose.decision, in: ReceiptWords.decisions), to: &line,
          isFirst: &isFirst)
        append(
          "legal_basis", ReceiptWords.text(purpose.legalBasis, in: ReceiptWords.bases),
          to: &line, isFirst: &isFirst)
        append("covered_by", purpose.coveredBy, to: &line, isFirst: &isFirst)
        append("retention", purpose.retention, to: &line, isFirst: &isFirst)
        line += "}"
      }
      line += "]"
    }
    if let actor = details.actor {
      line += ",\"actor\":{"
      var isFirst = true
      append(
        "kind", ReceiptWords.text(actor.kind, in: ReceiptWords.actors), to: &line,
        isFirst: &isFirst)
      append("name", actor.name, to: &line, isFirst: &isFirst)
      if actor.majorityAtUs != 0 {
        append(
          "majority_at", Timestamp(microseconds: actor.majorityAtUs).description, to: &line,
          isFirst: &isFirst)
      }
      line += "}"
    }
    append("evidence_hash", Hexadecimal.encode(details.evidenceHash), to: &line)
  }

  private static func append(_ name: String, _ text: String, to line: inout String) {
    var isFirst = false
    append(name, text, to: &line, isFirst: &isFirst)
  }

  private static func append(
    _ name: String, _ text: String, to line: inout String, isFirst: inout Bool
  ) {
    guard !text.isEmpty else { return }
    line += isFirst ? "\"\(name)\":" : ",\"\(name)\":"
    isFirst = false
    append(text, to: &line)
  }

  private static func append(_ name: String, _ texts: [String], to line: inout String) {
    guard !texts.isEmpty else { return }
    line += ",\"\(name)\":["
    for (index, text) in texts.enumerated() {
      if index > 0 { line += "," }
      append(text, to: &line)
    }
    line += "]"
  }
}
