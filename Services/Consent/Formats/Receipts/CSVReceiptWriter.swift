internal import PrivacyCore

/// Writes receipts as CSV (RFC 4180) with all columns; `CSVReceiptReader` reads the same back.
package enum CSVReceiptWriter {
  /// The header line with its CRLF.
  package static var header: String {
    CSVField.allCases.map(\.rawValue).joined(separator: ",") + "\r\n"
  }

  /// The row of `receipt` with its CRLF.
  package static func row(_ receipt: ReceiptDocument) -> String {
    CSVField.allCases.map { cell(receipt.text(of: $0)) }.joined(separator: ",") + "\r\n"
  }

  private static func cell(_ text: String) -> String {
    let needsQuotes = text.utf8.contains {
      $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\r")
        || $0 == UInt8(ascii: "\n")
    }
    guard needsQuotes else { return text }
    var cell = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" { cell += "\"" }
      cell.unicodeScalars.append(scalar)
    }
    return cell + "\""
  }
}

extension ReceiptDocument {
  fileprivate func text(of field: CSVField) -> String {
    switch field {
    case .consentID: consentID.description
    case .pid: pid.seedForm
    case .scopes: CSVList.write(scopes)
    case .grantedAt: grantedAt.description
    case .expiresAt: expiresAt?.description ?? ""
    case .source: source
    case .version: String(version)
    case .kind: kind.rawValue
    case .deniedScopes: CSVList.write(deniedScopes)
    case .noticeID: notice?.id ?? ""
    case .noticeLanguage: notice?.language ?? ""
    case .noticeTextHash: Hexadecimal.encode(notice?.textHash ?? [])
    case .controller: controller
    case .jurisdiction: jurisdiction
    case .piiCategories: CSVList.write(piiCategories)
    case .recipients: CSVList.write(recipients)
    case .retention: retention
    case .withdrawalMethod: withdrawalMethod
    case .purposes: purposes.isEmpty ? "" : purposesValue.line
    case .actorKind: actor?.kind?.rawValue ?? ""
    case .actorName: actor?.name ?? ""
    case .actorMajorityAt: actor?.majorityAt?.description ?? ""
    case .evidenceHash: Hexadecimal.encode(evidenceHash)
    case .recordedAt: recordedAt?.description ?? ""
    case .sequence: sequence.map { String($0) } ?? ""
    case .personSequence: personSequence.map { String($0) } ?? ""
    case .previousHash: Hexadecimal.encode(previousHash)
    case .formerPID: formerPID?.seedForm ?? ""
    }
  }
}
