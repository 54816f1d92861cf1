internal import AuditLog
internal import Cryptography
internal import FeaturesAPI
internal import Gate
internal import PrivacyCore
internal import RPC
internal import Renaming
internal import SealedStore
internal import Transport

extension FeatureStoreService {
  /// Refuses calls with more items than one call may have.
  func checkCount(_ count: Int) throws(FeatureStoreError) {
    guard count <= FeatureLimits.batchCountMax else {
      throw .tooMuch("more than \(FeatureLimits.batchCountMax) items in one call")
    }
  }

  /// Writes a checked batch in one transaction, with an audit line.
  ///
  /// Consent is looked at twice: before the keys of people are fetched, and again on the writer
  /// thread. A withdrawal takes effect in the gate before it purges, and the purge is a transaction
  /// of its own: so either that one comes later and removes what is written here, or the gate has
  /// learned of the withdrawal by now and nothing is written.
  ///
  /// What is written of a person goes where the person's rows are, whichever name the call gave.
  ///
  /// - Parameter write: writes the items of one person at a place; a reason it gives refuses them all.
  func commit<Item: Sendable>(
    _ checked: WriteBatch<Item>, as action: String, to target: String, scopes: Set<Scope>,
    context: CallContext,
    write:
      @escaping @Sendable (
        PseudonymousID, [WriteBatch<Item>.Entry], SealingKey, inout WriteBatch<Item>,
        inout WriteTransaction
      ) throws -> String?
  ) async throws -> WriteReply {
    var admitted = checked
    let writeGate = WriteGate(gate: gate, scopes: scopes)
    try admitted.admit(writeGate)
    let pids = Array(admitted.people.keys)
    guard !pids.isEmpty else { return admitted.reply(at: store.lastSequence) }
    let batch = admitted
    let committed = try await places.settled(pids) { people in
      let found = try await keys.subjectKeys(of: Array(Set(people.values.map(\.place))))
      let subjectKeys = people.compactMapValues { found[$0.place] }
      var batch = batch
      batch.refuseForgotten { subjectKeys[$0] == nil }
      let touched = Set(people.values.flatMap(\.names))
      cache.beginChange(of: touched)
      defer { cache.endChange(of: touched) }
      return try await store.write { [audit, places, batch] transaction in
        var outcome = batch
        var settled: [PseudonymousID: PersonPlace] = [:]
        for pid in outcome.people.keys {
          let person = try places.person(pid, in: transaction)
          // Renamed since, or a rotation is over: then a former pid may be nobody's.
          guard person.names == people[pid]?.names else { throw PlaceChanged() }
          settled[pid] = person
        }
        try outcome.refuseForgotten { pid in
          try (settled[pid]?.names ?? [pid]).contains {
            try transaction.contains(FeatureTables.tombstones, $0)
          }
        }
        try outcome.admit(writeGate)
        for (pid, entries) in outcome.people.sorted(by: { $0.key < $1.key }) {
          guard let key = subjectKeys[pid], let place = settled[pid]?.place else { continue }
          if let reason = try write(place, entries, key, &outcome, &transaction) {
            outcome.refuse(pid, reason)
          }
        }
        if outcome.written > 0 {
          try audit.append(
            AuditEntry(
              principal: context.peer.spiffeID, action: action,
              details: [
                ("target", target), ("written", String(outcome.written)),
                ("duplicates", String(outcome.duplicates)),
                ("refused", String(outcome.rejections.count)),
              ]), in: &transaction)
        }
        return outcome
      }
    }
    return committed.value.reply(at: committed.sequence)
  }
}

/// The field names of one call: each is checked once.
struct CheckedNames {
  private var names: Set<String> = []

  mutating func check(_ name: String) throws(WriteRefusal) {
    guard !names.contains(name) else { return }
    try WriteCheck.check(fieldName: name)
    names.insert(name)
  }
}
