package import Foundation
package import KeyManagement

/// The keys of a vault that does not run.
package enum VaultKeys {
  /// Moves the vault's keys, and the file of the key tree, to another key management service. Each
  /// of
  /// the two changes at once or not at all; where it was cut off between them, it can be repeated.
  ///
  /// - Returns: how many versions of the service's key there are.
  package static func rewrap(
    directory: URL, subjectKeyFile: URL?, from old: any KeyManagementService,
    to new: any KeyManagementService
  ) async throws -> Int {
    let service = "vault"
    _ = try await CoverFile.rewrap(
      at: subjectKeyFile ?? directory.appending(path: CoverFile.fileName),
      from: KeyWrapper(service: service, kms: old), to: KeyWrapper(service: service, kms: new))
    return try await ServiceKeys.rewrap(
      service: service, directory: directory, from: old, to: new)
  }
}
