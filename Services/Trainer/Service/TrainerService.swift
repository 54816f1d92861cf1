package import FeaturesAPI
package import Gate
internal import Logging
internal import PrivacyCore
internal import RPC
package import SealedStore
package import ServiceKit
internal import TrainerAPI

/// The trainer: what may be learned from many people, within a stated privacy budget.
package struct TrainerService: TrainerServing, TacitService {
  package static var tables: [any StoreTableDescribing] {
    TrainerTables.all + ErasureTables.all
  }

  let configuration: TrainerConfiguration
  let ledger: PrivacyLedger
  let registry: ModelRegistry
  let people: TrainingPeople
  let gate: Gate
  let time: any TimeSource
  let random: any RandomSource

  /// The service over an open store.
  ///
  /// - Parameters:
  ///   - features: where people's data is read.
  ///   - gate: says who may be in it. The service keeps it attending.
  /// - Throws: `TrainerSetupError` for a configuration that cannot be, `TrainerError.brokenLedger`
  ///   for a ledger that was changed, errors of the store.
  package init(
    runtime: ServiceRuntime, features: FeaturesClient, gate: Gate,
    configuration: TrainerConfiguration = TrainerConfiguration()
  ) async throws {
    if let fault = configuration.fault { throw TrainerSetupError(description: fault) }
    self.configuration = configuration
    ledger = try PrivacyLedger(store: runtime.store, audit: runtime.audit, time: runtime.time)
    registry = ModelRegistry(store: runtime.store, audit: runtime.audit)
    people = TrainingPeople(features: features, gate: gate)
    self.gate = gate
    time = runtime.time
    random = runtime.random
    try await registry.removeUnfinished()
  }

  /// Attends to the consent service.
  package func run() async throws { try await gate.run() }

  package func obstacle() async -> String? {
    gate.isLive ? nil : "it waits for the consent service"
  }

  package func measures() async -> [(name: String, value: Double)] {
    let states = (try? ledger.states()) ?? []
    var measures: [(name: String, value: Double)] = [
      ("budgets", Double(states.count)),
      ("charges", Double(states.reduce(0) { $0 + $1.standing.chargeCount })),
      ("models", Double((try? registry.count()) ?? 0)),
      ("gate_live", gate.isLive ? 1 : 0),
    ]
    for state in states {
      let name = "\(state.record.dataset)/\(state.record.purpose)"
      measures.append(("epsilon_limit \(name)", state.record.epsilonLimit))
      measures.append(("epsilon_spent \(name)", (try? state.epsilonSpent()) ?? .nan))
    }
    return measures
  }
}
