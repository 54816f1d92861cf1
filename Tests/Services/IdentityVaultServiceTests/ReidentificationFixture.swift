internal import IdentityVaultService
internal import PrivacyCore
internal import RPC
internal import Testing
internal import Transport
internal import VaultAPI

/// The people of these tests. One of them has two certificates.
enum People {
  static let ann = person("legal", "ann")
  static let ben = person("privacy", "ben")
  static let cleo = person("privacy", "cleo")
  static let dan = person("security", "dan")
  static let annInPrivacy = person("privacy", "ann")

  static func person(_ role: String, _ name: String) -> PeerIdentity {
    guard let peer = try? PeerIdentity.user(role: role, name: name) else {
      preconditionFailure("\(role)/\(name) is no name")
    }
    return peer
  }
}

/// Calls of the way back, each by somebody.
extension VaultFixture {
  func ask(
    _ pids: [[UInt8]], purpose: String = "breach notice", ticket: String = "LEGAL-812",
    by peer: PeerIdentity = People.ann
  ) async throws -> (case: ReidentificationCase, token: [UInt8]) {
    let reply = try await vault.reidentification.request(
      RequestReidentificationRequest(pids: pids, purpose: purpose, ticket: ticket),
      context: context(ReidentificationMethods.request, of: peer))
    return (try #require(reply.opened), reply.token)
  }

  @discardableResult
  func approve(_ id: String, by peer: PeerIdentity) async throws -> ReidentificationCase {
    try await vault.reidentification.approve(
      ApproveReidentificationRequest(id: id),
      context: context(ReidentificationMethods.approve, of: peer))
  }

  @discardableResult
  func deny(
    _ id: String, reason: String = "no ground", by peer: PeerIdentity
  ) async throws -> ReidentificationCase {
    try await vault.reidentification.deny(
      DenyReidentificationRequest(id: id, reason: reason),
      context: context(ReidentificationMethods.deny, of: peer))
  }

  @discardableResult
  func withdraw(
    _ id: String, by peer: PeerIdentity = People.ann
  ) async throws -> ReidentificationCase {
    try await vault.reidentification.withdraw(
      WithdrawReidentificationRequest(id: id, reason: "not needed"),
      context: context(ReidentificationMethods.withdraw, of: peer))
  }

  @discardableResult
  func redeem(
    _ id: String, _ token: [UInt8], by peer: PeerIdentity = People.ann
  ) async throws -> [RevealedPerson] {
    try await vault.reidentification.redeem(
      RedeemWarrantRequest(id: id, token: token),
      context: context(ReidentificationMethods.redeem, of: peer)
    ).people
  }

  func list(
    id: String = "", pendingOnly: Bool = false, before: String = "", limit: UInt32 = 0
  ) async throws -> ListReidentificationsReply {
    try await vault.reidentification.list(
      ListReidentificationsRequest(
        id: id, pendingOnly: pendingOnly, before: before, limit: limit),
      context: context(ReidentificationMethods.list, of: People.ben))
  }

  @discardableResult
  func freeze(by peer: PeerIdentity = People.dan) async throws -> ReidentificationPath {
    try await vault.reidentification.freeze(
      FreezeReidentificationRequest(reason: "stolen laptop"),
      context: context(ReidentificationMethods.freeze, of: peer))
  }

  @discardableResult
  func unfreeze(by peer: PeerIdentity) async throws -> ReidentificationPath {
    try await vault.reidentification.unfreeze(
      UnfreezeReidentificationRequest(),
      context: context(ReidentificationMethods.unfreeze, of: peer))
  }

  /// A case that two people approved.
  func approvedCase(
    _ pids: [[UInt8]], by peer: PeerIdentity = People.ann
  ) async throws -> (id: String, token: [UInt8]) {
    let (opened, token) = try await ask(pids, by: peer)
    try await approve(opened.id, by: People.ben)
    try await approve(opened.id, by: People.cleo)
    return (opened.id, token)
  }

  func state(of id: String) async throws -> ReidentificationState? {
    try await list(id: id).cases.first?.state
  }
}

/// Runs `body`, which must be refused with exactly this.
func expectRefused(
  _ refusal: ReidentificationRefusal, _ location: SourceLocation = #_sourceLocation,
  _ body: () async throws -> Void
) async {
  await #expect(throws: refusal, sourceLocation: location) { try await body() }
}
