internal import Cryptography
internal import Foundation
package import KeyManagement
internal import KeyManagementProviders
internal import PrivacyCore
internal import ServiceKit

/// What an administrator does with a key management service before a service is given it.
package enum KeyManagementCheck {
  /// Wraps and unwraps an invented key. Answers how long that took, in milliseconds.
  package static func run(_ kms: any KeyManagementService) async throws -> Int {
    let clock = ContinuousClock()
    let start = clock.now
    let key = SecretBytes(random: SystemRandom(), count: 32)
    let context = ["tacit:service": "check", "tacit:purpose": "check", "tacit:version": "0"]
    let wrapped = try await kms.wrap(key, context: context)
    let unwrapped = try await kms.unwrap(wrapped, context: context)
    let isSame = key.withUnsafeBytes { key in
      unwrapped.withUnsafeBytes { ConstantTime.areEqual(Array(key), Array($0)) }
    }
    guard isSame else { throw CommandFailure("the key that came back is another one") }
    return Int((clock.now - start) / .milliseconds(1))
  }

  /// Makes the root key that a setting names, where its provider lets us.
  package static func createRootKey(_ text: String) async throws {
    try await KeyManagementProviders.createRootKey(
      KeyManagementSetting(text),
      environment: ProviderEnvironment(variables: ProcessInfo.processInfo.environment))
  }
}
