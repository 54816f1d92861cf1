internal import ConsentAPI
internal import FeaturesAPI
internal import Gate
internal import Renaming
package import ServiceKit
internal import TrainerAPI
internal import VaultAPI

extension VectorSearchService {
  /// The service of a program: its consent comes from the consent service, its keys from the
  /// vault, people's histories from the feature store and models from the trainer.
  package convenience init(
    _ runtime: ServiceRuntime,
    configuration: VectorSearchConfiguration = VectorSearchConfiguration()
  ) async throws {
    let consent = ConsentClient(try runtime.client(of: .consent))
    let vault = VaultClient(try runtime.client(of: .vault))
    let parts = Parts(
      store: runtime.store, audit: runtime.audit,
      keys: VaultSubjectKeys(vault: vault, countMax: configuration.subjectKeyCountMax),
      features: FeaturesClient(try runtime.client(of: .features)),
      trainer: TrainerClient(try runtime.client(of: .trainer)), time: runtime.time,
      random: runtime.random, log: runtime.log)
    let rotation = RotationClient(try runtime.client(of: .vault))
    try await self.init(
      parts, configuration: configuration,
      makeReporter: { part in
        RekeyReporter(vault: rotation, part: part, time: runtime.time, log: runtime.log)
      }
    ) { effects in
      Gate(
        name: runtime.service.rawValue, consent: consent, effects: effects, time: runtime.time,
        random: runtime.random, log: runtime.log)
    }
  }
}
