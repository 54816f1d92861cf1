internal import Gate
internal import PrivacyCore

/// Decides which writes of people are admitted: under a receipt in force that allows at least one
/// of the uses that the data is kept for. What nobody may ever read is not stored.
struct WriteGate: Sendable {
  let gate: Gate
  /// The scopes that the features of the view or source need.
  let scopes: Set<Scope>

  /// Why the write is refused, or `nil` where it is admitted now.
  func refusal(_ pid: PseudonymousID, consentID: String) -> String? {
    switch gate.admitWrite(pid, consentID: consentID) {
    case .admitted(let proof):
      proof.scopes.contains(where: scopes.contains)
        ? nil : "no receipt in force: the receipt named allows nothing that this is kept for"
    case .withheld(let reason): "no receipt in force: \(reason)"
    }
  }
}
