package import Logging
package import PrivacyCore
internal import RPC
package import VaultAPI

/// Tells the vault how far a service is with a rotation of pid keys, scans the store when everything
/// is moved, and forgets the former pids when the rotation is over.
package struct RekeyReporter: Sendable {
  let vault: RotationClient
  let part: any RekeyPart
  let time: any TimeSource
  let log: Logger

  /// - Parameter vault: calls as the service's own identity.
  package init(
    vault: RotationClient, part: any RekeyPart, time: any TimeSource, log: Logger
  ) {
    self.vault = vault
    self.part = part
    self.time = time
    self.log = log
  }
}
