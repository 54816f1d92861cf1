internal import Gate
internal import PrivacyCore

/// Decides which writes of people are admitted: under a receipt in force that allows at least one
/// of the uses that the data is kept for. What nobody may ever read is not stored.
struct WriteGate: Sendable {
  let gate: Gate
  /// The scopes that the features of the view or source need.
  let scopes: Set<Scope>

  /// Why the write is refused, or `nil` where it is admitted now. Without a lease nobody's consent is
  /// known: that is no reason against this write, and the whole call must come again.
  func refusal(
    _ pid: PseudonymousID, consentID: String
  ) throws(FeatureStoreError) -> String? {
    switch gate.admitWrite(pid, consentID: consentID) {
    case .admitted(let proof):
      return proof.scopes.contains(where: scopes.contains)
        ? nil : "no receipt in force: the receipt named allows nothing that this is kept for"
    case .withheld(.noLease): throw .consentUnreachable
    case .withheld(let reason): return "no receipt in force: \(reason)"
    }
  }
}
