package import AuditLog
internal import FeaturesAPI
package import Gate
package import Logging
package import PrivacyCore
package import Renaming
package import SealedStore
internal import ServiceKit
internal import Synchronization

/// The feature store: what is known of people, each feature behind the scope it needs.
package final class FeatureStoreService: FeaturesServing, TacitService {
  package static let tables =
    FeatureTables.all + ErasureTables.all + RenamingTables.all

  let store: SealedStore
  package let audit: AuditLog
  package let gate: Gate
  let keys: any SubjectKeySource
  let views: ViewRegister
  let reader: PersonReader
  let cache: PersonCache
  let places: PlaceBook
  /// Moves the rows of renamed people.
  package let rekeyJob: RekeyJob
  /// What the vault is told of it.
  package let rekeying: StoreRekeying
  private let reporter: RekeyReporter?
  let time: any TimeSource
  let configuration: FeatureStoreConfiguration
  let trainingSetCount = Mutex(0)

  /// The service on its parts.
  ///
  /// - Parameters:
  ///   - makeReporter: makes what tells the vault how far the service is with a rotation of pid keys.
  ///   - makeGate: makes the gate that decides on each read and write, with the effects that consent
  ///     changes have on the store.
  package init(
    store: SealedStore, audit: AuditLog, keys: any SubjectKeySource, time: any TimeSource,
    log: Logger, configuration: FeatureStoreConfiguration = FeatureStoreConfiguration(),
    makeReporter: ((any RekeyPart) -> RekeyReporter)? = nil,
    makeGate: (any GateEffects) -> Gate
  ) throws {
    self.store = store
    self.audit = audit
    self.keys = keys
    self.time = time
    self.configuration = configuration
    views = try ViewRegister(store: store)
    cache = PersonCache(valueCountMax: configuration.cachedValueCountMax)
    places = try PlaceBook(store: store)
    reader = PersonReader(store: store, keys: keys, cache: cache, places: places)
    rekeyJob = RekeyJob(
      book: places, mover: PersonMover(keys: keys, cache: cache), pace: configuration.rekeyPace,
      time: time, log: log)
    let gate = makeGate(
      PurgeEffects(
        store: store, views: views, cache: cache, keys: keys,
        erasures: ErasureBook(
          service: WellKnownService.features.rawValue, store: store, audit: audit, time: time),
        places: places, job: rekeyJob))
    self.gate = gate
    rekeying = StoreRekeying(
      book: places, job: rekeyJob, withhold: { gate.retire($0) },
      walk: { pid, limit in try PersonMover.people(in: store, after: pid, limit: limit) })
    reporter = makeReporter?(rekeying)
  }

  /// Attends to the consent service, and moves the rows of people who are renamed.
  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.gate.run() }
      group.addTask { try await self.rekeyJob.run() }
      if let reporter { group.addTask { try await reporter.run() } }
      defer { group.cancelAll() }
      _ = try await group.next()
    }
  }

  package func obstacle() async -> String? {
    gate.isLive ? nil : "it waits for the consent service; until then every feature is withheld"
  }

  package func measures() async -> [(name: String, value: Double)] {
    // Walks over keys: fit for an administrator's question, not for every second.
    let counts = try? store.read { snapshot in
      (
        people: try snapshot.count(FeatureTables.people),
        chunks: try snapshot.count(FeatureTables.events),
        rows: try snapshot.count(FeatureTables.rows)
      )
    }
    return [
      ("views", Double(views.catalog.views.count)),
      ("people", Double(counts?.people ?? 0)),
      ("event_chunks", Double(counts?.chunks ?? 0)),
      ("rows", Double(counts?.rows ?? 0)),
      ("cached_people", Double(cache.personCount)),
      ("gate_people", Double(gate.personCount)),
      ("consent_sequence", Double(gate.appliedSequence.value)),
    ]
  }
}
