internal import PrivacyCore

/// The fields of a receipt that have one name and one value each, and what may stand in them.
enum FieldValue {
  static func consentID(_ text: String) throws(FormatFault.Reason) -> ConsentID {
    guard let id = ConsentID(text: text) else {
      throw .malformedField("consent_id", expected: "c_ and a ULID")
    }
    return id
  }

  static func pid(
    _ text: String, _ field: String = "user_id_hashed"
  ) throws(FormatFault.Reason) -> PseudonymousID {
    // With its prefix only: a bare hash could be one of another kind.
    guard text.utf8.count == pidByteCount, let pid = PseudonymousID(text: text) else {
      throw .malformedField(field, expected: "hmac:sha256: and 43 characters")
    }
    return pid
  }

  /// Of a pid's text with its prefix.
  private static let pidByteCount = "hmac:sha256:".utf8.count + 43

  /// RFC 3339 with a time and an offset: whoever writes down until when consent counts must say
  /// which clock is meant.
  static func time(_ text: String, _ field: String) throws(FormatFault.Reason) -> Timestamp {
    let bytes = text.utf8
    let sign = bytes.dropLast(5).last
    guard bytes.count >= 20, let last = bytes.last,
      last == UInt8(ascii: "Z") || last == UInt8(ascii: "z") || sign == UInt8(ascii: "+")
        || sign == UInt8(ascii: "-"),
      let time = Timestamp(rfc3339: text)
    else { throw .malformedField(field, expected: "an RFC 3339 date and time with an offset") }
    return time
  }

  static func hash(_ text: String, _ field: String) throws(FormatFault.Reason) -> [UInt8] {
    guard text.utf8.count == 64, let bytes = Hexadecimal.decode(text) else {
      throw .malformedField(field, expected: "64 hexadecimal digits")
    }
    return bytes
  }

  /// A whole number without leading zeros, in `0...max`.
  static func number(
    _ text: String, _ field: String, max: UInt64 = UInt64(Int64.max)
  ) throws(FormatFault.Reason) -> UInt64 {
    var value: UInt64 = 0
    for digit in text.utf8 {
      let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflows) = tens.addingReportingOverflow(UInt64(digit &- UInt8(ascii: "0")))
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit), !isTooLarge, !overflows
      else { throw .malformedField(field, expected: "a whole number up to \(max)") }
      value = sum
    }
    guard !text.isEmpty, value <= max, text.utf8.first != UInt8(ascii: "0") || text.utf8.count == 1
    else { throw .malformedField(field, expected: "a whole number up to \(max)") }
    return value
  }

  static func word<Word: RawRepresentable<String> & CaseIterable>(
    _ text: String, _ field: String
  ) throws(FormatFault.Reason) -> Word {
    guard let word = Word(rawValue: text) else {
      throw .malformedField(
        field, expected: "one of " + Word.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return word
  }
}

/// A receipt while its fields come in, in any order.
struct ReceiptBuilder {
  var consentID: ConsentID?
  var pid: PseudonymousID?
  var formerPID: PseudonymousID?
  var kind = ReceiptDocument.Kind.grant
  var scopes: [String]?
  var deniedScopes: [String] = []
  var grantedAt: Timestamp?
  var expiresAt: Timestamp?
  var source: String?
  var version: UInt32?
  var notice: ReceiptDocument.Notice?
  var controller = ""
  var jurisdiction = ""
  var piiCategories: [String] = []
  var recipients: [String] = []
  var retention = ""
  var withdrawalMethod = ""
  var purposes: [ReceiptDocument.Purpose] = []
  var actor: ReceiptDocument.Actor?
  var evidenceHash: [UInt8] = []
  var recordedAt: Timestamp?
  var sequence: UInt64?
  var personSequence: UInt64?
  var previousHash: [UInt8] = []

  /// The receipt, once nothing that it must have is missing.
  func document() throws(FormatFault.Reason) -> ReceiptDocument {
    guard let consentID else { throw .missingField("consent_id") }
    guard let pid else { throw .missingField("user_id_hashed") }
    guard let scopes else { throw .missingField("scopes") }
    guard let grantedAt else { throw .missingField("granted_at") }
    guard let source else { throw .missingField("source") }
    guard let version else { throw .missingField("version") }
    if kind == .grant, expiresAt == nil { throw .missingField("expires_at") }
    if kind == .renaming, formerPID == nil { throw .missingField("former_user_id_hashed") }
    var document = ReceiptDocument(
      consentID: consentID, pid: pid, kind: kind, scopes: scopes, grantedAt: grantedAt,
      expiresAt: expiresAt, source: source, version: version)
    document.formerPID = formerPID
    document.deniedScopes = deniedScopes
    document.notice = notice
    document.controller = controller
    document.jurisdiction = jurisdiction
    document.piiCategories = piiCategories
    document.recipients = recipients
    document.retention = retention
    document.withdrawalMethod = withdrawalMethod
    document.purposes = purposes
    document.actor = actor
    document.evidenceHash = evidenceHash
    document.recordedAt = recordedAt
    document.sequence = sequence
    document.personSequence = personSequence
    document.previousHash = previousHash
    return document
  }
}
