package import PrivacyCore

/// Everything that the services hold of one person, gathered for that person (GDPR articles 15 and
/// 20): `access.json`, of which the readable page and the manifest are made.
package struct AccessPack: Hashable, Sendable {
  /// The form of `access.json`.
  package static let format = "tacit-access/v1"
  /// The services that hold something of people, in the order of the pack.
  package static let services = ["vault", "consent", "features", "trainer", "vectors"]
  /// The most pids of one person.
  package static let pidCountMax = 1_024
  /// The most bytes of a ticket.
  package static let ticketByteCountMax = 128

  /// A service that gave no answer, and why.
  package struct Missing: Hashable, Sendable {
    /// The service.
    package let service: String
    /// Why.
    package let reason: String

    package init(service: String, reason: String) {
      self.service = service
      self.reason = reason
    }
  }

  /// When it was gathered.
  package let madeAt: Timestamp
  /// The ticket under which the person asked.
  package let ticket: String
  /// The pids that were asked for.
  package let pids: [PseudonymousID]
  /// What each service answered, in the order of `services`.
  package let parts: [AccessPart]
  /// The services that are not in it.
  package let missing: [Missing]

  /// A pack of parts.
  ///
  /// - Throws: `malformed` unless each service is either there or missing, once, in the order of
  ///   `services`.
  package init(
    madeAt: Timestamp, ticket: String, pids: [PseudonymousID], parts: [AccessPart],
    missing: [Missing] = []
  ) throws(AccessFault) {
    let gone = missing.map(\.service)
    guard parts.map(\.service) == Self.services.filter({ !gone.contains($0) }),
      gone == Self.services.filter(gone.contains)
    else { throw .malformed("a pack that neither has each service nor says what is missing") }
    guard (1...Self.pidCountMax).contains(pids.count) else {
      throw .malformed("a pack of \(pids.count) pids")
    }
    self.madeAt = madeAt
    self.ticket = ticket
    self.pids = pids
    self.parts = parts
    self.missing = missing
  }

  /// Whether every service is in it.
  package var isComplete: Bool { missing.isEmpty }
}
