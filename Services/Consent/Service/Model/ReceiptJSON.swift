package import ConsentAPI
internal import PrivacyCore

/// The JSON form of a receipt, one object on a line:
///
///     {"consent_id":"c_01F…","user_id_hashed":"hmac:sha256:…","scopes":["product_recs"],
///      "granted_at":"2026-01-10T12:34:56Z","expires_at":"2028-01-10T12:34:56Z",
///      "source":"web-portal:v2","version":2}
///
/// Other kinds than a grant say so (`"kind":"withdrawal"`) and have no expiry. What a receipt says
/// besides stands in members of its own.
package enum ReceiptJSON {
  /// The most bytes of a line.
  package static let lineByteCountMax = 65_536

  // MARK: Reading

  /// Reads a line strictly: every field of the form once, no other field, the right types.
  package static func draft(_ line: String) throws(ReceiptRefusal) -> ReceiptDraft {
    guard line.utf8.count <= lineByteCountMax else {
      throw .malformedJSON("the line is longer than \(lineByteCountMax) bytes")
    }
    var reader = JSONReader(line)
    var fields = Fields()
    try reader.expect("{")
    if !reader.take("}") {
      repeat {
        let name = try reader.string()
        try reader.expect(":")
        try fields.read(name, from: &reader)
      } while reader.take(",")
      try reader.expect("}")
    }
    try reader.expectEnd()
    return try fields.draft()
  }

  private struct Fields {
    private var consentID: String?
    private var pid: String?
    private var scopes: [String]?
    private var grantedAt: String?
    private var expiresAt: String?
    private var source: String?
    private var version: UInt32?
    private var kind: String?
    private var deniedScopes: [String]?
    private var details = ReceiptDetails()
    private var detailNames: Set<String> = []

    mutating func read(
      _ name: String, from reader: inout JSONReader
    ) throws(ReceiptRefusal) {
      switch name {
      case "consent_id": try set(&consentID, try reader.string(), name, reader)
      case "user_id_hashed": try set(&pid, try reader.string(), name, reader)
      case "scopes":
        try set(
          &scopes, try reader.strings(countMax: ReceiptRules.scopeCountMax), name, reader)
      case "granted_at": try set(&grantedAt, try reader.string(), name, reader)
      case "expires_at": try set(&expiresAt, try reader.string(), name, reader)
      case "source": try set(&source, try reader.string(), name, reader)
      case "version": try set(&version, try reader.unsignedInteger(), name, reader)
      case "kind": try set(&kind, try reader.string(), name, reader)
      case "denied_scopes":
        try set(
          &deniedScopes, try reader.strings(countMax: ReceiptRules.scopeCountMax), name, reader)
      default:
        guard detailNames.insert(name).inserted else {
          throw reader.fault("the field \(name) stands there twice")
        }
        guard try details.read(name, from: &reader) else { throw reader.unknown(name) }
      }
    }

    private func set<Value>(
      _ field: inout Value?, _ value: Value, _ name: String, _ reader: JSONReader
    ) throws(ReceiptRefusal) {
      guard field == nil else { throw reader.fault("the field \(name) stands there twice") }
      field = value
    }

    func draft() throws(ReceiptRefusal) -> ReceiptDraft {
      guard let kind = ReceiptDraft.Kind(rawValue: kind ?? "grant") else {
        throw .malformedJSON(
          "kind must be one of "
            + ReceiptDraft.Kind.allCases.map(\.rawValue).joined(separator: ", "))
      }
      guard let id = ConsentID(text: try required(consentID, "consent_id")) else {
        throw .malformedConsentID
      }
      let hashed = try required(pid, "user_id_hashed")
      guard hashed.hasPrefix("hmac:sha256:"), let pid = PseudonymousID(text: hashed) else {
        throw .malformedPID
      }
      if kind == .grant, expiresAt == nil { throw .noExpiry }
      let scopes = try required(scopes, "scopes")
      // Only a caller of Withdraw can mean all scopes by naming none; a receipt says what it says.
      switch kind {
      case .withdrawal, .objection, .restriction, .restrictionLifted:
        if scopes.isEmpty { throw .noScopes }
      case .grant, .denial, .erasure: break
      }
      return ReceiptDraft(
        consentID: id, pid: pid, kind: kind, scopes: scopes, deniedScopes: deniedScopes ?? [],
        grantedAt: try time(try required(grantedAt, "granted_at"), "granted_at"),
        expiresAt: try expiresAt.map { text throws(ReceiptRefusal) in
          try time(text, "expires_at")
        },
        source: try required(source, "source"), version: try required(version, "version"),
        details: detailNames.isEmpty ? nil : details)
    }

    private func required<Value>(
      _ value: Value?, _ name: String
    ) throws(ReceiptRefusal) -> Value {
      guard let value else { throw .malformedJSON("the field \(name) is missing") }
      return value
    }

    private func time(_ text: String, _ name: String) throws(ReceiptRefusal) -> Timestamp {
      guard let time = ReceiptTime.read(text) else {
        throw .malformedJSON(
          "\(name) is not an RFC 3339 date and time such as 2026-01-10T12:34:56Z")
      }
      return time
    }
  }

  // MARK: Writing

  /// The line of `receipt`, without a line feed.
  package static func line(_ receipt: Receipt) -> String {
    var line = "{\"consent_id\":"
    append(receipt.consentID, to: &line)
    line += ",\"user_id_hashed\":\"hmac:sha256:"
    line += Base64URL.encode(receipt.pid)
    line += "\",\"scopes\":["
    append(contentsOf: receipt.scopes, to: &line)
    line += "],\"granted_at\":\""
    line += Timestamp(microseconds: receipt.grantedAtUs).description
    if receipt.kind == .grant {
      line += "\",\"expires_at\":\""
      line += Timestamp(microseconds: receipt.expiresAtUs).description
    }
    line += "\",\"source\":"
    append(receipt.source, to: &line)
    line += ",\"version\":\(receipt.version)"
    if let kind = ReceiptDraft.Kind(receipt.kind), kind != .grant {
      line += ",\"kind\":\"\(kind.rawValue)\""
    }
    if !receipt.deniedScopes.isEmpty {
      line += ",\"denied_scopes\":["
      append(contentsOf: receipt.deniedScopes, to: &line)
      line += "]"
    }
    if let details = receipt.details { append(details, to: &line) }
    return line + "}"
  }

  private static func append(contentsOf texts: [String], to line: inout String) {
    for (index, text) in texts.enumerated() {
      if index > 0 { line += "," }
      append(text, to: &line)
    }
  }

  static func append(_ text: String, to line: inout String) {
    line += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": line += "\\\""
      case "\\": line += "\\\\"
      case "\u{0}"..<"\u{20}":
        line += "\\u00" + Hexadecimal.encode([UInt8(scalar.value)])
      default: line.unicodeScalars.append(scalar)
      }
    }
    line += "\""
  }
}

/// Times in receipts: RFC 3339 with a time and an offset.
enum ReceiptTime {
  /// The time, or `nil` for any other text, also for a date alone or a time without an offset:
  /// whoever writes down until when consent counts must say which clock is meant.
  static func read(_ text: String) -> Timestamp? {
    let bytes = text.utf8
    guard bytes.count >= 20, let last = bytes.last else { return nil }
    let hasOffset =
      last == UInt8(ascii: "Z") || last == UInt8(ascii: "z")
      || bytes.dropLast(5).last == UInt8(ascii: "+") || bytes.dropLast(5).last == UInt8(ascii: "-")
    return hasOffset ? Timestamp(rfc3339: text) : nil
  }
}
