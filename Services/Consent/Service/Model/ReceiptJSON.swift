package import ConsentAPI
package import ConsentFormats

/// The JSON form of a receipt, one object on a line:
///
///     {"consent_id":"c_01F…","user_id_hashed":"hmac:sha256:…","scopes":["product_recs"],
///      "granted_at":"2026-01-10T12:34:56Z","expires_at":"2028-01-10T12:34:56Z",
///      "source":"web-portal:v2","version":2}
///
/// Other kinds than a grant say so (`"kind":"withdrawal"`) and have no expiry. What a receipt says
/// besides stands in members of its own. The module ConsentFormats reads and writes it.
package enum ReceiptJSON {
  /// Reads a line strictly: every field of the form once, no other field, the right types. What the
  /// service says of a receipt is passed over.
  package static func draft(_ line: String) throws(ReceiptRefusal) -> ReceiptDraft {
    let document: ReceiptDocument
    do throws(FormatFault) { document = try ReceiptDocument(json: line.utf8) } catch {
      throw ReceiptRefusal(error)
    }
    return try ReceiptDraft(importing: document)
  }

  /// The line of `receipt` without a line feed and without what the service says of it; `null` for a
  /// kind that this program does not know.
  package static func line(_ receipt: Receipt) -> String {
    ReceiptDocument(receipt)?.jsonLine ?? "null"
  }
}

extension ReceiptRefusal {
  /// Why a text that is not what its format says is refused, without its place in a file.
  package init(_ fault: FormatFault) {
    switch fault.reason {
    case .malformedField("consent_id", _): self = .malformedConsentID
    case .malformedField("user_id_hashed", _): self = .malformedPID
    case .missingField("expires_at"): self = .noExpiry
    default: self = .malformedJSON(fault.onLine(0).description)
    }
  }
}
