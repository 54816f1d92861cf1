package import AuditLog
internal import FeaturesAPI
package import Gate
package import PrivacyCore
package import SealedStore
internal import ServiceKit
internal import Synchronization

/// The feature store: what is known of people, each feature behind the scope it needs.
package final class FeatureStoreService: FeaturesServing, TacitService {
  package static let tables = FeatureTables.all + ErasureTables.all

  let store: SealedStore
  package let audit: AuditLog
  package let gate: Gate
  let keys: any SubjectKeySource
  let views: ViewRegister
  let reader: PersonReader
  let cache: PersonCache
  let time: any TimeSource
  let configuration: FeatureStoreConfiguration
  let trainingSetCount = Mutex(0)

  /// The service on its parts.
  ///
  /// - Parameter makeGate: makes the gate that decides on each read and write, with the effects
  ///   that consent changes have on the store.
  package init(
    store: SealedStore, audit: AuditLog, keys: any SubjectKeySource, time: any TimeSource,
    configuration: FeatureStoreConfiguration = FeatureStoreConfiguration(),
    makeGate: (any GateEffects) -> Gate
  ) throws {
    self.store = store
    self.audit = audit
    self.keys = keys
    self.time = time
    self.configuration = configuration
    views = try ViewRegister(store: store)
    cache = PersonCache(valueCountMax: configuration.cachedValueCountMax)
    reader = PersonReader(store: store, keys: keys, cache: cache)
    gate = makeGate(
      PurgeEffects(
        store: store, views: views, cache: cache, keys: keys,
        erasures: ErasureBook(
          service: WellKnownService.features.rawValue, store: store, audit: audit, time: time)))
  }

  package func run() async throws { try await gate.run() }

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
