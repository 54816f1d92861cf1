internal import Foundation
internal import PrivacyCore
internal import ServiceKit
internal import VaultAPI

/// A case of re-identification as the commands show it.
struct CaseOutput: Encodable {
  struct Approval: Encodable {
    let approver: String
    let at: String
  }

  let id: String
  let state: String
  let requester: String
  let purpose: String
  let ticket: String
  let pids: [String]
  let requestedAt: String
  let expiresAt: String
  let approvals: [Approval]
  let warrantExpiresAt: String?
  let closedBy: String?
  let closedAt: String?
  let reason: String?

  enum CodingKeys: String, CodingKey {
    case id, state, requester, purpose, ticket, pids, approvals, reason
    case requestedAt = "requested_at"
    case expiresAt = "expires_at"
    case warrantExpiresAt = "warrant_expires_at"
    case closedBy = "closed_by"
    case closedAt = "closed_at"
  }

  init(_ sent: ReidentificationCase) {
    id = sent.id
    state = sent.state.name
    requester = sent.requester
    purpose = sent.purpose
    ticket = sent.ticket
    pids = sent.pids.map { PseudonymousID(bytes: $0)?.description ?? "" }
    requestedAt = Self.time(sent.requestedAtUs)
    expiresAt = Self.time(sent.expiresAtUs)
    approvals = sent.approvals.map { Approval(approver: $0.approver, at: Self.time($0.atUs)) }
    warrantExpiresAt = sent.warrantExpiresAtUs == 0 ? nil : Self.time(sent.warrantExpiresAtUs)
    closedBy = sent.closedBy.isEmpty ? nil : sent.closedBy
    closedAt = sent.closedAtUs == 0 ? nil : Self.time(sent.closedAtUs)
    reason = sent.reason.isEmpty ? nil : sent.reason
  }

  func print(asJSON isJSON: Bool) throws {
    if isJSON { try printJSON(self) } else { show() }
  }

  func show() {
    var lines = [
      ("case", id), ("state", state), ("requester", requester), ("purpose", purpose),
      ("ticket", ticket), ("requested", requestedAt), ("approve until", expiresAt),
    ]
    lines += approvals.map { ("approved by", "\($0.approver), \($0.at)") }
    if let warrantExpiresAt { lines.append(("warrant until", warrantExpiresAt)) }
    if let closedBy { lines.append(("closed by", "\(closedBy), \(closedAt ?? "")")) }
    if let reason { lines.append(("reason", reason)) }
    lines += pids.map { ("person", $0) }
    showLines(lines)
  }

  private static func time(_ microseconds: Int64) -> String {
    Timestamp(microseconds: microseconds).description
  }
}

/// The state of the path as the commands show it.
struct PathOutput: Encodable {
  let frozen: Bool
  let frozenBy: String?
  let frozenAt: String?
  let reason: String?
  let unfreezeProposedBy: String?
  let unfreezeExpiresAt: String?

  enum CodingKeys: String, CodingKey {
    case frozen, reason
    case frozenBy = "frozen_by"
    case frozenAt = "frozen_at"
    case unfreezeProposedBy = "unfreeze_proposed_by"
    case unfreezeExpiresAt = "unfreeze_expires_at"
  }

  init(_ sent: ReidentificationPath) {
    frozen = sent.frozen
    frozenBy = sent.frozenBy.isEmpty ? nil : sent.frozenBy
    frozenAt =
      sent.frozenAtUs == 0 ? nil : Timestamp(microseconds: sent.frozenAtUs).description
    reason = sent.reason.isEmpty ? nil : sent.reason
    unfreezeProposedBy = sent.unfreezeProposedBy.isEmpty ? nil : sent.unfreezeProposedBy
    unfreezeExpiresAt =
      sent.unfreezeExpiresAtUs == 0
      ? nil : Timestamp(microseconds: sent.unfreezeExpiresAtUs).description
  }

  func print(asJSON isJSON: Bool) throws {
    if isJSON { try printJSON(self) } else { show() }
  }

  func show() {
    var lines = [("path", frozen ? "frozen" : "open")]
    if let frozenBy { lines.append(("frozen by", "\(frozenBy), \(frozenAt ?? "")")) }
    if let reason { lines.append(("reason", reason)) }
    if let unfreezeProposedBy {
      lines.append(
        (
          "to be opened", "proposed by \(unfreezeProposedBy), until \(unfreezeExpiresAt ?? "")"
        ))
    }
    showLines(lines)
  }
}

private func showLines(_ lines: [(String, String)]) {
  for (name, value) in lines {
    print(name.padding(toLength: 13, withPad: " ", startingAt: 0) + value)
  }
}

extension ReidentificationState {
  /// The state in a word.
  var name: String {
    switch self {
    case .open: "open"
    case .approved: "approved"
    case .denied: "denied"
    case .withdrawn: "withdrawn"
    case .redeemed: "redeemed"
    case .expired: "expired"
    case .void: "void"
    case .unspecified, .unrecognized: "unknown"
    }
  }
}
