internal import Cryptography
internal import Gate
internal import PrivacyCore
internal import Renaming
internal import SealedStore

/// What was read of one person. It gives its content only against a proof of consent.
struct PersonRecord: Sendable {
  let pid: PseudonymousID
  /// What was looked for: of anything else nobody knows whether it is there.
  let asked: Set<PersonPart>
  fileprivate let parts: [PersonPart: PartContent]

  init(pid: PseudonymousID, asked: Set<PersonPart>, parts: [PersonPart: PartContent]) {
    self.pid = pid
    self.asked = asked
    self.parts = parts
  }

  /// What is known of some features, all of the proof's scope, as of a time.
  func readings(
    of references: [FeatureReference], asOf: Timestamp, under proof: consuming ConsentProof
  ) -> [FeatureReading] {
    precondition(proof.pid == pid, "a proof serves the person it was made for")
    return references.map { reference in
      precondition(reference.feature.scope == proof.scope, "a proof serves one scope")
      return parts[PersonPart(of: reference.view)]?
        .reading(of: reference.feature, in: reference.view, asOf: asOf) ?? .notFound
    }
  }
}

/// Reads people: from the cache where it can, else from the store, all from one snapshot.
struct PersonReader: Sendable {
  let store: SealedStore
  let keys: any SubjectKeySource
  let cache: PersonCache
  let places: PlaceBook

  /// A person and what to read of them.
  struct Wanted: Sendable {
    let pid: PseudonymousID
    let parts: Set<PersonPart>
  }

  /// The records in the order asked. Of a person without anything, or whose key is destroyed, the
  /// record is empty.
  func records(of wanted: [Wanted]) async throws -> [PersonRecord] {
    var found: [PseudonymousID: SealingKey] = [:]
    var forgotten: Set<PseudonymousID> = []
    // A person may drop out of the cache between two rounds; then one more key is needed.
    for _ in 0..<Self.roundCountMax {
      let changeCount = cache.changeCount
      let round = try store.read { snapshot in
        try read(wanted, from: snapshot, keys: found, forgotten: forgotten)
      }
      if round.keyless.isEmpty {
        for (record, place) in zip(round.records, round.readAt) {
          guard let place else { continue }
          cache.insert(record.parts, of: place, at: round.sequence, changeCount: changeCount)
        }
        return round.records
      }
      let fetched = try await keys.subjectKeys(of: round.keyless)
      found.merge(fetched) { _, new in new }
      forgotten.formUnion(round.keyless.filter { fetched[$0] == nil })
    }
    throw FeatureStoreError.tooManyChanges
  }

  private static let roundCountMax = 8

  private struct Round {
    var records: [PersonRecord] = []
    /// The places of those records that were read from the store.
    var readAt: [PseudonymousID?] = []
    /// The places of people whose key is missing.
    var keyless: [PseudonymousID] = []
    var sequence: LogSequenceNumber
  }

  private func read(
    _ wanted: [Wanted], from snapshot: borrowing ReadSnapshot,
    keys: [PseudonymousID: SealingKey], forgotten: Set<PseudonymousID>
  ) throws -> Round {
    var round = Round(sequence: snapshot.sequence)
    for person in wanted {
      let place = try places.place(of: person.pid, in: snapshot)
      var parts = cache.parts(of: place, at: snapshot.sequence)
      let missing = person.parts.subtracting(parts.keys)
      var isRead = false
      if !missing.isEmpty, try snapshot.contains(FeatureTables.people, place),
        !forgotten.contains(place)
      {
        guard let key = keys[place] else {
          round.keyless.append(place)
          continue
        }
        for part in missing {
          parts[part] = try snapshot.content(part, of: place, under: key)
        }
        isRead = true
      }
      round.records.append(
        PersonRecord(pid: person.pid, asked: person.parts, parts: parts))
      round.readAt.append(isRead ? place : nil)
    }
    return round
  }
}
