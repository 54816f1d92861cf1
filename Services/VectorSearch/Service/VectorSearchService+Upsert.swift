internal import AuditLog
internal import CommonAPI
internal import Cryptography
internal import Gate
internal import PrivacyCore
package import RPC
internal import Renaming
internal import SealedStore
internal import StoredMessages
internal import Synchronization
internal import Transport
internal import VectorIndex
package import VectorsAPI

extension VectorSearchService {
  package func upsert(_ request: UpsertRequest, context: CallContext) async throws -> UpsertReply {
    let collection = try library.collection(request.collection)
    guard collection.record.model == nil, !isBeingPublished(collection.name) else {
      throw VectorSearchError.notForThis(
        "collection \(collection.name) holds a published model: publish again to change it")
    }
    guard !collection.isOpening else { throw VectorSearchError.loading(collection.name) }
    guard collection.vectorCount + request.vectors.count <= configuration.vectorCountMax else {
      throw VectorSearchError.tooManyVectors(limit: configuration.vectorCountMax)
    }
    var batch = UpsertBatch()
    for (place, vector) in request.vectors.enumerated() {
      batch.add(place, vector, to: collection, writtenAt: parts.time.now)
    }
    return try await collection.isOfPeople
      ? upsertPeople(batch, to: collection, context: context)
      : upsertItems(batch, to: collection, context: context)
  }

  func isBeingPublished(_ name: String) -> Bool { publishing.withLock { $0.contains(name) } }

  private func upsertItems(
    _ batch: UpsertBatch, to collection: LiveCollection, context: CallContext
  ) async throws -> UpsertReply {
    let generation = collection.record.generation
    let name = collection.name
    let committed = try await store.write { [audit] transaction in
      // A model may have been published to the collection since it was looked at.
      guard
        let record = try transaction.get(VectorTables.collections, name)?.message,
        record.generation == generation, record.model == nil
      else { throw VectorSearchError.changedMeanwhile(name) }
      for entry in batch.entries {
        try transaction.put(
          VectorTables.items, ItemKey(name, generation, entry.id), StoredMessage(entry.stored))
      }
      try Self.record(batch, of: name, context, audit, in: &transaction)
    }
    for entry in batch.entries {
      try collection.upsert(entry.stored.values, at: committed.sequence) {
        let isStored = try store.read {
          try $0.contains(VectorTables.items, ItemKey(name, generation, entry.id))
        }
        return isStored ? entry.id : nil
      }
    }
    return batch.reply
  }

  /// Consent is looked at twice: before the keys of people are fetched, and again on the writer
  /// thread. A withdrawal takes effect in the gate before it purges, and the purge is a transaction
  /// of its own: so either that one comes later and removes what is written here, or the gate has
  /// learned of the withdrawal by now and nothing is written.
  private func upsertPeople(
    _ checked: UpsertBatch, to collection: LiveCollection, context: CallContext
  ) async throws -> UpsertReply {
    guard let scope = collection.record.scope else {
      throw VectorSearchError.unknownCollection(collection.name)
    }
    let name = collection.name
    let gate = gate
    var admitted = checked
    try admitted.admit(gate, scope: scope)
    guard !admitted.entries.isEmpty else { return admitted.reply }
    let batch = admitted
    let committed = try await places.settled(batch.entries.compactMap(\.pid)) { people in
      let found = try await parts.keys.subjectKeys(of: Array(Set(people.values.map(\.place))))
      let keys = people.compactMapValues { found[$0.place] }
      return try await store.write { [audit, places] transaction in
        var outcome = batch
        try outcome.admit(gate, scope: scope)
        var settled: [PseudonymousID: PseudonymousID] = [:]
        var isForgotten: Set<PseudonymousID> = []
        for case let pid? in outcome.entries.map(\.pid) {
          let person = try places.person(pid, in: transaction)
          // Renamed since, or a rotation is over: then a former pid may be nobody's.
          guard person.names == people[pid]?.names else { throw PlaceChanged() }
          settled[pid] = person.place
          let isErased = try person.names.contains {
            try transaction.contains(VectorTables.tombstones, $0)
          }
          if isErased || keys[pid] == nil { isForgotten.insert(pid) }
        }
        outcome.refuse("the person was erased") { $0.pid.map(isForgotten.contains) ?? true }
        for entry in outcome.entries {
          // Where the person's rows are, whichever name the call gave.
          guard let pid = entry.pid, let key = keys[pid], let place = settled[pid] else { continue }
          try transaction.put(
            VectorTables.people, PersonKey(place, name), StoredMessage(entry.stored), under: key)
        }
        try Self.record(outcome, of: name, context, audit, in: &transaction)
        return outcome
      }
    }
    for entry in committed.value.entries {
      guard let pid = entry.pid else { continue }
      try collection.upsert(entry.stored.values, at: committed.sequence) {
        try store.read { snapshot in
          let place = try places.place(of: pid, in: snapshot)
          let isStored = try snapshot.contains(VectorTables.people, PersonKey(place, name))
          return isStored ? place.bytes : nil
        }
      }
    }
    return committed.value.reply
  }

  private static func record(
    _ batch: UpsertBatch, of collection: String, _ context: CallContext, _ audit: AuditLog,
    in transaction: inout WriteTransaction
  ) throws {
    guard !batch.entries.isEmpty else { return }
    try audit.append(
      AuditEntry(
        principal: context.peer.spiffeID, action: "vectors.upsert",
        details: [
          ("collection", collection), ("written", "\(batch.entries.count)"),
          ("refused", "\(batch.rejections.count)"),
        ]), in: &transaction)
  }
}

/// The vectors of one call that have passed their checks.
struct UpsertBatch: Sendable {
  /// One vector with its place in the request.
  struct Entry: Sendable {
    let place: Int
    let id: [UInt8]
    /// The person; `nil` for items.
    let pid: PseudonymousID?
    let stored: StoredVector
  }

  private(set) var entries: [Entry] = []
  private(set) var rejections: [Int: String] = [:]

  /// Takes a vector in, or the reason against it.
  mutating func add(
    _ place: Int, _ vector: Vector, to collection: LiveCollection, writtenAt now: Timestamp
  ) {
    let pid = PseudonymousID(bytes: vector.id)
    if collection.isOfPeople, pid == nil {
      rejections[place] = "the pid does not have 32 bytes"
      return
    }
    guard !vector.id.isEmpty, vector.id.count <= Self.idByteCountMax else {
      rejections[place] = "an id has 1 to \(Self.idByteCountMax) bytes"
      return
    }
    if !collection.isOfPeople {
      guard let text = String(validating: vector.id, as: UTF8.self) else {
        rejections[place] = "the item's code is not UTF-8"
        return
      }
      if let finding = IdentifierGuard.finding(in: text) {
        rejections[place] = "the item's code looks like \(finding.rawValue)"
        return
      }
    }
    do throws(VectorFault) {
      let values = try collection.index.metric.prepared(
        vector.values, dimension: collection.index.dimension)
      entries.append(
        Entry(
          place: place, id: vector.id, pid: collection.isOfPeople ? pid : nil,
          stored: StoredVector(
            values: values, consentID: vector.consentID, writtenAtUs: now.microseconds)))
    } catch {
      rejections[place] = error.description
    }
  }

  /// Refuses what the gate does not admit now: the receipt named must be in force and allow the
  /// collection's scope.
  mutating func admit(_ gate: Gate, scope: Scope) throws(VectorSearchError) {
    var refusals: [Int: String] = [:]
    for entry in entries {
      guard let pid = entry.pid else { continue }
      switch gate.admitWrite(pid, consentID: entry.stored.consentID) {
      case .admitted(let proof):
        if !proof.scopes.contains(scope) {
          refusals[entry.place] = "no receipt in force: the receipt named does not allow \(scope)"
        }
      // That is no reason against this vector: the whole call must come again.
      case .withheld(.noLease): throw .consentUnreachable
      case .withheld(let reason): refusals[entry.place] = "no receipt in force: \(reason)"
      }
    }
    entries.removeAll { refusals[$0.place] != nil }
    rejections.merge(refusals) { _, new in new }
  }

  /// Refuses some of them for one reason.
  mutating func refuse(_ reason: String, where isRefused: (Entry) -> Bool) {
    for entry in entries where isRefused(entry) { rejections[entry.place] = reason }
    entries.removeAll(where: isRefused)
  }

  var reply: UpsertReply {
    UpsertReply(
      written: UInt32(entries.count),
      rejections: rejections.sorted { $0.key < $1.key }
        .map { Rejection(index: UInt32($0.key), reason: $0.value) })
  }

  private static let idByteCountMax = 64
}
