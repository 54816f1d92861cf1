internal import PrivacyCore
internal import Transport
internal import VaultAPI

/// How far a case is.
package enum CaseState: String, Sendable {
  case open = "open"
  case approved = "approved"
  case denied = "denied"
  case withdrawn = "withdrawn"
  case redeemed = "redeemed"
  case expired = "expired"
  case void = "void: the path has been frozen since"

  /// The state as it is sent.
  var sent: ReidentificationState {
    switch self {
    case .open: .open
    case .approved: .approved
    case .denied: .denied
    case .withdrawn: .withdrawn
    case .redeemed: .redeemed
    case .expired: .expired
    case .void: .void
    }
  }
}

extension CaseRecord {
  /// How far the case is at a moment; an expired or void one never comes back, whatever is done to
  /// the clock (`PathRecord.moment`).
  func state(at now: Timestamp, on path: PathRecord) throws(CaseDamage) -> CaseState {
    switch closed {
    case .denied: return .denied
    case .withdrawn: return .withdrawn
    case .redeemed: return .redeemed
    case .unspecified: break
    // Unknown means no: whatever this is, the case is not open.
    default: throw CaseDamage()
    }
    if freezeCount != path.freezeCount { return .void }
    if approvals.count < ReidentificationConfiguration.approvalCount {
      return now.microseconds < expiresAtUs ? .open : .expired
    }
    return now.microseconds < warrantExpiresAtUs ? .approved : .expired
  }

  /// Why `person` may not approve, or `nil`. Nobody decides on their own request, and the two who
  /// approve are two people: the same name in another role is the same person.
  func refusal(ofApprovalBy person: CasePerson) -> ReidentificationRefusal? {
    if person.isSame(asID: requester) { return .ownCase }
    if approvals.contains(where: { person.isSame(asID: $0.approver) }) { return .approvedAlready }
    return nil
  }

  /// The case as everybody on the path may see it.
  func description(id: String, at now: Timestamp, on path: PathRecord) throws(CaseDamage)
    -> ReidentificationCase
  {
    ReidentificationCase(
      id: id, state: try state(at: now, on: path).sent, requester: requester, purpose: purpose,
      ticket: ticket, pids: pids, requestedAtUs: requestedAtUs, expiresAtUs: expiresAtUs,
      approvals: approvals, warrantExpiresAtUs: warrantExpiresAtUs, closedBy: closedBy,
      closedAtUs: closedAtUs, reason: reason)
  }
}

extension PathRecord {
  /// The time of a step: the clock's, but never before an earlier step's.
  func moment(_ now: Timestamp) -> Timestamp {
    max(now, Timestamp(microseconds: latestUs))
  }

  /// The path as it is sent.
  func description(at now: Timestamp) -> ReidentificationPath {
    let isProposed = frozen && now.microseconds < unfreezeExpiresAtUs
    return ReidentificationPath(
      frozen: frozen, frozenBy: frozenBy, frozenAtUs: frozenAtUs, reason: reason,
      unfreezeProposedBy: isProposed ? unfreezeProposedBy : "",
      unfreezeExpiresAtUs: isProposed ? unfreezeExpiresAtUs : 0)
  }
}

/// A case says what no case says.
struct CaseDamage: Error, CustomStringConvertible {
  var description: String { "a case of re-identification cannot be read" }
}

/// Somebody with a certificate of their own. Who it is, is the name, whatever the role: a person
/// with two certificates is one person.
struct CasePerson: Sendable {
  /// The SPIFFE id.
  let id: String
  private let name: String

  init(_ peer: PeerIdentity) throws(ReidentificationRefusal) {
    guard peer.kind == .user else { throw .notAPerson }
    id = peer.spiffeID
    name = peer.name
  }

  /// Whether the SPIFFE id is the same person's. What cannot be read is: then nobody passes as a
  /// second person.
  func isSame(asID other: String) -> Bool {
    guard let peer = try? PeerIdentity(spiffeID: other) else { return true }
    return peer.name == name
  }
}
