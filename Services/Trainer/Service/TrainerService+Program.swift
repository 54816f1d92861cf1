internal import ConsentAPI
internal import FeaturesAPI
internal import Gate
package import ServiceKit

extension TrainerService {
  /// The service of a program: its consent comes from the consent service, people's data from the
  /// feature store.
  package init(
    _ runtime: ServiceRuntime, configuration: TrainerConfiguration = TrainerConfiguration()
  ) async throws {
    let consent = ConsentClient(try runtime.client(of: .consent))
    try await self.init(
      runtime: runtime, features: FeaturesClient(try runtime.client(of: .features)),
      gate: Gate(
        name: runtime.service.rawValue, consent: consent,
        effects: ErasureEffects(
          service: runtime.service.rawValue, store: runtime.store, audit: runtime.audit,
          time: runtime.time),
        time: runtime.time, random: runtime.random, log: runtime.log),
      configuration: configuration)
  }
}
