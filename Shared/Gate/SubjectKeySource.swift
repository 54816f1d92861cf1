package import Cryptography
package import PrivacyCore

/// Where the keys come from under which the rows of people are sealed.
package protocol SubjectKeySource: Sendable {
  /// The keys of these people; whoever was forgotten is left out.
  func subjectKeys(of pids: [PseudonymousID]) async throws -> [PseudonymousID: SealingKey]

  /// Drops the key of a person from memory.
  func forget(_ pid: PseudonymousID)
}
