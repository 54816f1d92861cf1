package import PrivacyCore

/// How the demo invents consent for customers who were never asked by us. By customer number:
///
/// - numbers that end in 99 were never asked: no receipt;
/// - of the others, numbers that end in 7 do not allow `analytics` (nothing is learned from them);
/// - numbers that end in 3 do not allow `personalization_geo`;
/// - everyone else allows all three.
///
/// All receipts are granted on 2026-01-10 and end on 2028-01-10.
package enum ConsentRule {
  /// The scopes that the customer allows; none: never asked.
  package static func scopes(ofCustomer number: String) -> [String] {
    if number.hasSuffix("99") { return [] }
    var scopes = ["product_recs"]
    if !number.hasSuffix("7") { scopes.append("analytics") }
    if !number.hasSuffix("3") { scopes.append("personalization_geo") }
    return scopes
  }

  /// The customer's receipt as a line of receipt JSON; `nil` for one who was never asked.
  package static func receiptLine(
    customer number: String, pid: PseudonymousID, random: some RandomSource
  ) -> String? {
    let scopes = scopes(ofCustomer: number)
    guard !scopes.isEmpty, let granted = Timestamp(rfc3339: grantedAt) else { return nil }
    let id = ConsentID(at: granted, random: random)
    let names = scopes.map { "\"\($0)\"" }.joined(separator: ",")
    return "{\"consent_id\":\"\(id)\",\"user_id_hashed\":\"\(pid.seedForm)\",\"scopes\":[\(names)],"
      + "\"granted_at\":\"\(grantedAt)\",\"expires_at\":\"2028-01-10T00:00:00Z\","
      + "\"source\":\"demo-rule:v1\",\"version\":1}"
  }

  private static let grantedAt = "2026-01-10T00:00:00Z"
}
