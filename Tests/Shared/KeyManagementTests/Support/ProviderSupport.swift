import Foundation
import KeyManagement
import KeyManagementProviders
import PrivacyCore
import TestSupport

extension ProviderEnvironment {
  /// An environment in which nothing is waited for long.
  static func quick(
    _ variables: [String: String] = [:], deadlineMs: Int = 10_000, answerMs: Int = 5_000
  ) -> ProviderEnvironment {
    ProviderEnvironment(
      variables: variables, random: SeededRandom(seed: 7),
      limits: CallLimits(
        deadlineMs: deadlineMs, answerMs: answerMs, pauseMsMin: 2, pauseMsMax: 20))
  }
}

/// Opens a provider by its setting.
func openProvider(
  _ setting: String, _ environment: ProviderEnvironment = .quick()
) throws(KeyManagementError) -> any KeyManagementService {
  try KeyManagementProviders.open(KeyManagementSetting(setting), environment: environment)
}

/// The error that `body` ends with, if it is one of key management.
func keyManagementError(_ body: () async throws -> Void) async -> KeyManagementError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? KeyManagementError
  }
}

/// The key that tests wrap, and the context they do it in.
enum Sample {
  static let key = SeededRandom(seed: 11).bytes(count: 32)
  static let context = ["tacit:service": "vault", "tacit:version": "1"]
}
