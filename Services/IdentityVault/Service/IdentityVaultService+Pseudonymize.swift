internal import PrivacyCore
package import RPC
internal import Transport
package import VaultAPI

extension IdentityVaultService {
  package func pseudonymize(
    _ request: PseudonymizeRequest, context: CallContext
  ) async throws -> PseudonymizeReply {
    guard request.identifiers.count <= configuration.identifiersPerBatchMax else {
      throw VaultRefusal.tooManyIdentifiers(limit: configuration.identifiersPerBatchMax)
    }
    let peer = context.peer
    if request.create { try callers.checkCreate(by: peer) }
    try callers.admit(request.identifiers.count, looksUp: !request.create, of: peer)
    return try await rotation.withPresentKeys {
      try await pseudonymize(request, keys(of: request.domain), of: peer)
    }
  }

  private func pseudonymize(
    _ request: PseudonymizeRequest, _ keys: PidKeyring.Keys, of peer: PeerIdentity
  ) async throws -> PseudonymizeReply {
    let domain = keys.current
    var batch = Batch(identifierCount: request.identifiers.count)
    for (index, identifier) in request.identifiers.enumerated() {
      if domain.isOblivious, index % Self.evaluationsAtOnce == 0 { await Task.yield() }
      let canonical: CanonicalIdentifier
      do throws(IdentifierRefusal) {
        canonical = try CanonicalIdentifier(identifier, emailProfile: domain.emailProfile)
      } catch {
        batch.refuse(error)
        continue
      }
      batch.add(try domain.pid(of: canonical), canonical, keeping: request.create)
    }
    try await callers.charge(batch.pids.compactMap(\.self), to: peer)
    if let window = keys.window {
      try batch.resolve(registry.given(batch.pids, window), both: request.both)
    } else {
      try batch.resolve(registry.people(batch.pids))
    }
    if !request.create {
      try await callers.note(
        lookups: batch.pseudonyms.count { !$0.pid.isEmpty },
        misses: batch.pseudonyms.count { !$0.pid.isEmpty && !$0.known }, of: peer)
    } else if !batch.newcomers.isEmpty {
      let newcomers = try batch.newcomers.map {
        try Newcomer(pid: $0.pid, identifier: $0.identifier, keys: keys)
      }
      let people = try await registry.record(newcomers, keys: keys, by: peer.spiffeID)
      if let window = keys.window {
        batch.record(try registry.given(people, window), both: request.both)
      } else {
        batch.record(people.map { $0.map { GivenName(pid: $0) } }, both: false)
      }
    }
    return PseudonymizeReply(pseudonyms: batch.pseudonyms, keyVersion: domain.keyVersion)
  }
}

/// The identifiers of one request on their way to pids. A person who was forgotten keeps the pid,
/// which is not known any more; only to record the person again is refused.
private struct Batch {
  /// For each identifier its pid; `nil` where it was refused.
  private(set) var pids: [PseudonymousID?] = []
  private(set) var pseudonyms: [Pseudonym] = []
  /// Those who are to be recorded.
  private(set) var newcomers: [(index: Int, pid: PseudonymousID, identifier: CanonicalIdentifier)] =
    []

  private var canonical: [CanonicalIdentifier?] = []

  init(identifierCount: Int) {
    pids.reserveCapacity(identifierCount)
    pseudonyms.reserveCapacity(identifierCount)
  }

  mutating func add(
    _ pid: PseudonymousID, _ identifier: CanonicalIdentifier, keeping isKept: Bool
  ) {
    pids.append(pid)
    pseudonyms.append(Pseudonym())
    canonical.append(isKept ? identifier : nil)
  }

  mutating func refuse(_ refusal: IdentifierRefusal) {
    pids.append(nil)
    pseudonyms.append(Pseudonym(refusal: refusal.description))
    canonical.append(nil)
  }

  /// Takes in who is known.
  mutating func resolve(_ people: [PseudonymousID?]) {
    for (index, person) in people.enumerated() {
      guard let pid = pids[index] else { continue }
      pseudonyms[index].pid = (person ?? pid).bytes
      pseudonyms[index].known = person != nil
      if person == nil, let identifier = canonical[index] {
        newcomers.append((index, pid, identifier))
      }
    }
  }

  /// Takes in who is known, while each person has two pids.
  mutating func resolve(_ people: [GivenName?], both: Bool) {
    resolve(people.map { $0?.pid })
    guard both else { return }
    for (index, person) in people.enumerated() {
      if let other = person?.other { pseudonyms[index].otherPid = other.bytes }
    }
  }

  /// Takes in who was recorded: for each newcomer the person, or `nil` for a forgotten one.
  mutating func record(_ people: [GivenName?], both: Bool) {
    for ((index, _, _), person) in zip(newcomers, people) {
      pseudonyms[index] =
        if let person {
          Pseudonym(
            pid: person.pid.bytes, known: true,
            otherPid: both ? person.other?.bytes ?? [] : [])
        } else {
          Pseudonym(refusal: VaultRefusal.forgotten.description)
        }
    }
  }
}
