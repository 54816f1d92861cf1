internal import PrivacyCore

// The JSON form: the seed's seven fields, and beside them what a receipt says in full.
//
//     {"consent_id":"c_01F…","user_id_hashed":"hmac:sha256:…","scopes":["product_recs"],
//      "granted_at":"2026-01-10T12:34:56Z","expires_at":"2028-01-10T12:34:56Z",
//      "source":"web-portal:v2","version":2,
//      "kind":"grant","denied_scopes":["ads"],"former_user_id_hashed":"hmac:sha256:…",
//      "notice":{"id":"shop","language":"de","text_hash":"<64 hexadecimal digits>"},
//      "controller":"…","jurisdiction":"DE","pii_categories":["…"],"recipients":["…"],
//      "retention":"P2Y","withdrawal_method":"…",
//      "purposes":[{"purpose":"analytics","decision":"granted","legal_basis":"consent",
//                   "covered_by":"…","retention":"P1Y"}],
//      "actor":{"kind":"guardian","name":"…","majority_at":"2031-05-01T00:00:00Z"},
//      "evidence_hash":"…","recorded_at":"…","sequence":7,"person_sequence":1,
//      "previous_hash":"…"}

extension ReceiptDocument {
  /// Reads one JSON object: every field at most once, the required ones present, no other field.
  /// The seed's form is accepted as it is. Linear in the text's length.
  package init(json text: some Collection<UInt8>) throws(FormatFault) {
    try self.init(jsonLine: Array(text)[...])
  }

  init(jsonLine line: ArraySlice<UInt8>) throws(FormatFault) {
    guard line.count <= ReceiptLimits.lineByteCountMax else {
      throw FormatFault(.lineTooLong(byteCountMax: ReceiptLimits.lineByteCountMax))
    }
    var cursor = JSONCursor(line)
    var builder = ReceiptBuilder()
    try cursor.object { name, cursor throws(FormatFault) in
      try builder.read(name, from: &cursor)
    }
    try cursor.expectEnd()
    do throws(FormatFault.Reason) { self = try builder.document() } catch {
      throw FormatFault(error)
    }
  }
}

extension JSONCursor {
  /// A value that `make` builds of a string.
  fileprivate mutating func value<Value>(
    _ make: (String) throws(FormatFault.Reason) -> Value
  ) throws(FormatFault) -> Value {
    let text = try string()
    do throws(FormatFault.Reason) { return try make(text) } catch { throw fault(error) }
  }

  fileprivate mutating func time(_ field: String) throws(FormatFault) -> Timestamp {
    try value { text throws(FormatFault.Reason) in try FieldValue.time(text, field) }
  }

  fileprivate mutating func hash(_ field: String) throws(FormatFault) -> [UInt8] {
    try value { text throws(FormatFault.Reason) in try FieldValue.hash(text, field) }
  }

  fileprivate mutating func word<Word: RawRepresentable<String> & CaseIterable>(
    _ field: String
  ) throws(FormatFault) -> Word {
    try value { text throws(FormatFault.Reason) -> Word in try FieldValue.word(text, field) }
  }

  fileprivate mutating func number(
    _ field: String, max: UInt64 = UInt64(Int64.max)
  ) throws(FormatFault) -> UInt64 {
    let text = try digits()
    do throws(FormatFault.Reason) { return try FieldValue.number(text, field, max: max) } catch {
      throw fault(error)
    }
  }
}

extension ReceiptBuilder {
  fileprivate mutating func read(
    _ name: String, from cursor: inout JSONCursor
  ) throws(FormatFault) {
    switch name {
    case "consent_id": consentID = try cursor.value(FieldValue.consentID)
    case "user_id_hashed":
      pid = try cursor.value { text throws(FormatFault.Reason) in try FieldValue.pid(text) }
    case "former_user_id_hashed":
      formerPID = try cursor.value { text throws(FormatFault.Reason) in
        try FieldValue.pid(text, name)
      }
    case "scopes": scopes = try cursor.strings(name)
    case "granted_at": grantedAt = try cursor.time(name)
    case "expires_at": expiresAt = try cursor.time(name)
    case "source": source = try cursor.string()
    case "version": version = UInt32(try cursor.number(name, max: UInt64(UInt32.max)))
    case "kind": kind = try cursor.word(name)
    case "denied_scopes": deniedScopes = try cursor.strings(name)
    case "recorded_at": recordedAt = try cursor.time(name)
    case "sequence": sequence = try cursor.number(name)
    case "person_sequence": personSequence = try cursor.number(name)
    case "previous_hash": previousHash = try cursor.hash(name)
    default: try readDetail(name, from: &cursor)
    }
  }

  private mutating func readDetail(
    _ name: String, from cursor: inout JSONCursor
  ) throws(FormatFault) {
    switch name {
    case "notice": notice = try Self.notice(&cursor)
    case "controller": controller = try cursor.string()
    case "jurisdiction": jurisdiction = try cursor.string()
    case "pii_categories": piiCategories = try cursor.strings(name)
    case "recipients": recipients = try cursor.strings(name)
    case "retention": retention = try cursor.string()
    case "withdrawal_method": withdrawalMethod = try cursor.string()
    case "purposes": purposes = try Self.purposes(&cursor)
    case "actor": actor = try Self.actor(&cursor)
    case "evidence_hash": evidenceHash = try cursor.hash(name)
    default: throw cursor.unknown(name)
    }
  }

  private static func notice(
    _ cursor: inout JSONCursor
  ) throws(FormatFault) -> ReceiptDocument.Notice {
    var notice = ReceiptDocument.Notice()
    try cursor.object { name, cursor throws(FormatFault) in
      switch name {
      case "id": notice.id = try cursor.string()
      case "language": notice.language = try cursor.string()
      case "text_hash": notice.textHash = try cursor.hash("text_hash")
      default: throw cursor.unknown(name)
      }
    }
    return notice
  }

  static func purposes(
    _ cursor: inout JSONCursor
  ) throws(FormatFault) -> [ReceiptDocument.Purpose] {
    var purposes: [ReceiptDocument.Purpose] = []
    try cursor.array { cursor throws(FormatFault) in
      guard purposes.count < ReceiptLimits.elementCountMax else {
        throw cursor.fault(.tooManyElements("purposes", countMax: ReceiptLimits.elementCountMax))
      }
      var purpose = ReceiptDocument.Purpose(name: "")
      try cursor.object { name, cursor throws(FormatFault) in
        switch name {
        case "purpose": purpose.name = try cursor.string()
        case "decision": purpose.decision = try cursor.word(name)
        case "legal_basis": purpose.legalBasis = try cursor.word(name)
        case "covered_by": purpose.coveredBy = try cursor.string()
        case "retention": purpose.retention = try cursor.string()
        default: throw cursor.unknown(name)
        }
      }
      guard !purpose.name.isEmpty else { throw cursor.fault(.missingField("purpose")) }
      purposes.append(purpose)
    }
    return purposes
  }

  private static func actor(
    _ cursor: inout JSONCursor
  ) throws(FormatFault) -> ReceiptDocument.Actor {
    var actor = ReceiptDocument.Actor()
    try cursor.object { name, cursor throws(FormatFault) in
      switch name {
      case "kind": actor.kind = try cursor.word(name)
      case "name": actor.name = try cursor.string()
      case "majority_at": actor.majorityAt = try cursor.time(name)
      default: throw cursor.unknown(name)
      }
    }
    return actor
  }
}
