package import CommonAPI
internal import PrivacyCore
package import RPC
internal import ServiceKit
internal import Transport
package import VaultAPI

extension IdentityVaultService {
  package func holdings(
    _ request: VaultHoldingsRequest, replies: ReplyWriter<HoldingsChunk>, context: CallContext
  ) async throws {
    try await holdings(request, context: context) { try await replies.send($0) }
  }

  /// Everything about a person, piece by piece. Whoever shows an identifier of the person is
  /// answered with all of them; a pid alone gives none: the way from a pid to a name is that of
  /// re-identification, with its two approvals.
  package func holdings(
    _ request: VaultHoldingsRequest, context: CallContext,
    send: (HoldingsChunk) async throws -> Void
  ) async throws {
    try HoldingsAnswer.check(ticket: request.ticket)
    let asked = try await pidAsked(for: request, by: context.peer)
    let showsIdentifiers = request.identifier != nil
    let pids = try registry.names(of: asked)
    let answer = HoldingsAnswer(of: .vault, audit: registry.audit, time: registry.time)
    try await answer.answer(
      about: pids, ticket: request.ticket,
      details: [("by", showsIdentifiers ? "identifier" : "pid")], announces: true,
      context: context, send: send
    ) { held in
      try remark(asked, showsIdentifiers: showsIdentifiers, &held)
      try registry.gather(asked, showsIdentifiers: showsIdentifiers, &held)
      try reidentification.book.gather(&held)
    }
  }

  /// The pid that a request is about.
  ///
  /// - Throws: `HoldingsRefusal.noPeople` for neither an identifier nor a pid, or both;
  ///   `VaultRefusal`, as a look-up.
  private func pidAsked(
    for request: VaultHoldingsRequest, by peer: PeerIdentity
  ) async throws -> PseudonymousID {
    guard let identifier = request.identifier else {
      guard !request.pid.isEmpty else { throw HoldingsRefusal.noPeople }
      return try pid(request.pid)
    }
    guard request.pid.isEmpty else { throw VaultRefusal.malformedPID }
    if request.confirm { try rules.checkConfirmation(by: peer) }
    let keys = try keys(of: request.domain)
    let domain = keys.current
    let canonical: CanonicalIdentifier
    do throws(IdentifierRefusal) {
      canonical = try CanonicalIdentifier(identifier, emailProfile: domain.emailProfile)
    } catch {
      throw VaultRefusal.primaryRefused(error)
    }
    let newcomer = try Newcomer(
      pid: domain.pid(of: canonical), identifier: canonical, keys: keys)
    try callers.admit(1, looksUp: true, of: peer)
    try await callers.charge([newcomer.pid], to: peer)
    let isKnown = try registry.people([newcomer.pid])[0] != nil
    try await callers.note(lookups: 1, misses: isKnown ? 0 : 1, of: peer)
    // One of a family would get what is held of another.
    guard try request.confirm || !registry.isShared(newcomer) else {
      throw VaultRefusal.sharedIdentifier
    }
    return newcomer.pid
  }

  private func remark(
    _ asked: PseudonymousID, showsIdentifiers: Bool, _ held: inout HeldRecords
  ) throws {
    if !showsIdentifiers {
      try held.remark(
        """
        Asked for by a code: the identifiers themselves are left out. They are in a pack that is \
        asked for with one of them.
        """)
    }
    if configuration.domains.count + configuration.obliviousDomains.count > 1 {
      let names = (configuration.domains + configuration.obliviousDomains).sorted()
      try held.remark(
        """
        Asked for in one pseudonym domain. Codes of two domains are never brought together, so \
        each domain is asked by itself: \(names.joined(separator: ", ")).
        """)
    }
  }
}
