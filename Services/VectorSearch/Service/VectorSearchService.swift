package import AuditLog
package import FeaturesAPI
package import Gate
package import Logging
package import PrivacyCore
package import Renaming
package import SealedStore
internal import ServiceKit
internal import Synchronization
package import TrainerAPI
internal import VectorsAPI

/// Vector search: what is near, and what to recommend, to whom it is allowed.
package final class VectorSearchService: VectorsServing, TacitService {
  package static let tables =
    VectorTables.all + ErasureTables.all + RenamingTables.all

  /// What the service stands on.
  package struct Parts: Sendable {
    package var store: SealedStore
    package var audit: AuditLog
    package var keys: any SubjectKeySource
    package var features: FeaturesClient
    package var trainer: TrainerClient
    package var time: any TimeSource
    package var random: any RandomSource
    package var log: Logger

    package init(
      store: SealedStore, audit: AuditLog, keys: any SubjectKeySource, features: FeaturesClient,
      trainer: TrainerClient, time: any TimeSource, random: any RandomSource, log: Logger
    ) {
      self.store = store
      self.audit = audit
      self.keys = keys
      self.features = features
      self.trainer = trainer
      self.time = time
      self.random = random
      self.log = log
    }
  }

  let parts: Parts
  let configuration: VectorSearchConfiguration
  let library: VectorLibrary
  package let gate: Gate
  let places: PlaceBook
  /// Moves the vectors of renamed people.
  package let rekeyJob: RekeyJob
  /// What the vault is told of it.
  package let rekeying: StoreRekeying
  private let reporter: RekeyReporter?
  let callRate: CallRate
  /// The collections that a model is being published to.
  let publishing = Mutex<Set<String>>([])

  var store: SealedStore { parts.store }
  var audit: AuditLog { parts.audit }

  /// The service on its parts.
  ///
  /// - Parameters:
  ///   - makeReporter: makes what tells the vault how far the service is with a rotation of pid keys.
  ///   - makeGate: makes the gate that decides on each read and write, with the effects that consent
  ///     changes have on the store.
  /// - Throws: `VectorSearchSetupError` for a configuration that cannot be; errors of the store.
  package init(
    _ parts: Parts, configuration: VectorSearchConfiguration = VectorSearchConfiguration(),
    makeReporter: ((any RekeyPart) -> RekeyReporter)? = nil,
    makeGate: (any GateEffects) -> Gate
  ) async throws {
    if let fault = configuration.fault { throw VectorSearchSetupError(description: fault) }
    self.parts = parts
    self.configuration = configuration
    let store = parts.store
    library = try VectorLibrary(store: store)
    places = try PlaceBook(store: store)
    rekeyJob = RekeyJob(
      book: places, mover: PersonMover(library: library, keys: parts.keys),
      pace: configuration.rekeyPace, time: parts.time, log: parts.log)
    callRate = CallRate(
      callsPerSecond: configuration.callsPerSecond, callsInBurst: configuration.callsInBurst,
      time: parts.time)
    let gate = makeGate(
      PurgeEffects(
        library: library, keys: parts.keys,
        erasures: ErasureBook(
          service: WellKnownService.vectors.rawValue, store: parts.store, audit: parts.audit,
          time: parts.time),
        places: places, job: rekeyJob))
    self.gate = gate
    rekeying = StoreRekeying(
      book: places, job: rekeyJob, withhold: { gate.retire($0) },
      walk: { pid, limit in try PersonMover.people(in: store, after: pid, limit: limit) })
    reporter = makeReporter?(rekeying)
    try await library.removeUnserved()
  }

  /// Attends to the consent service, opens the vectors of people with keys of the vault, and moves those
  /// of people who are renamed.
  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.gate.run() }
      group.addTask {
        try await self.openPeople()
        // Not before: the opening goes through people in order, and would miss who is moved.
        try await self.rekeyJob.run()
      }
      if let reporter { group.addTask { try await reporter.run() } }
      // All of them only fail.
      while try await group.next() != nil {}
    }
  }

  package func obstacle() async -> String? {
    guard gate.isLive else {
      return "it waits for the consent service; until then everyone is served as a stranger"
    }
    return library.collections.first(where: \.isOpening).map {
      "it waits for the vault's keys to open the vectors of collection \($0.name)"
    }
  }

  package func measures() async -> [(name: String, value: Double)] {
    let collections = library.collections
    return [
      ("collections", Double(collections.count)),
      ("vectors", Double(collections.reduce(0) { $0 + $1.vectorCount })),
      ("gate_people", Double(gate.personCount)),
      ("consent_sequence", Double(gate.appliedSequence.value)),
      ("gate_live", gate.isLive ? 1 : 0),
    ]
  }
}
