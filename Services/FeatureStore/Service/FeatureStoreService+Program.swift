internal import ConsentAPI
internal import Gate
internal import Renaming
package import ServiceKit
internal import VaultAPI

extension FeatureStoreService {
  /// The service of a program: its consent comes from the consent service, its keys from the vault.
  package convenience init(
    _ runtime: ServiceRuntime,
    configuration: FeatureStoreConfiguration = FeatureStoreConfiguration()
  ) throws {
    let consent = ConsentClient(try runtime.client(of: .consent))
    let vault = VaultClient(try runtime.client(of: .vault))
    let rotation = RotationClient(try runtime.client(of: .vault))
    try self.init(
      store: runtime.store, audit: runtime.audit,
      keys: VaultSubjectKeys(vault: vault, countMax: configuration.subjectKeyCountMax),
      time: runtime.time, log: runtime.log, configuration: configuration,
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
