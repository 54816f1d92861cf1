internal import ArgumentParser
internal import Foundation
internal import IdentityVaultService
internal import ServiceKit

/// `rewrap`: moves the vault's keys, and the file of the key tree, to another key management
/// service.
struct VaultRewrapCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rewrap",
    abstract: "Wrap the vault's keys by another KMS, or anew by the same. Stop the vault before.",
    discussion: """
      The keys in keys.json stay the same, and so does all that they seal; what changes is the root \
      key that wraps them. The file of the key tree is sealed anew. Both KMS must be at hand. Start \
      the vault with the new --kms from then on. Backups from before still need the old root key.

      Example:
        tacit-vault rewrap --kms file:var/stack/trust/kms/vault.json \\
            --to 'pkcs11:/usr/lib/softhsm/libsofthsm2.so?token=tacit&key=root'
      """)

  @Option(
    help: ArgumentHelp("The KMS that wraps the keys now (TACIT_KMS).", valueName: "provider:place"))
  var kms: String?
  @Option(help: ArgumentHelp("The KMS that shall wrap them.", valueName: "provider:place"))
  var to: String
  @Option(help: "The directory of the store (TACIT_STORE).") var store: String?
  @OptionGroup var subjectKeys: SubjectKeyOptions

  func run() async throws {
    let directory = Environment.setting(
      store, variable: "TACIT_STORE", default: "var/stack/vault-store")
    let old = try Reading.keyManagementService(
      Environment.setting(
        kms, variable: "TACIT_KMS", default: "file:var/stack/trust/kms/vault.json"))
    let new = try Reading.keyManagementService(to)
    let count = try await VaultKeys.rewrap(
      directory: URL(filePath: directory), subjectKeyFile: subjectKeys.file, from: old, to: new)
    print("keys wrapped anew: \(count), and the key tree; start the vault with --kms \(to)")
  }
}

/// Where the file of the key tree is.
struct SubjectKeyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The file that holds the key tree, outside the store and every backup "
        + "(TACIT_SUBJECT_KEY_FILE; subject-keys.epoch in the directory of the store). Best on a "
        + "volume of which no snapshots are kept.",
      valueName: "file"))
  var subjectKeyFile: String?

  /// The file; `nil` for the one beside the store.
  var file: URL? {
    let path = Environment.setting(
      subjectKeyFile, variable: "TACIT_SUBJECT_KEY_FILE", default: "")
    return path.isEmpty ? nil : URL(filePath: path)
  }
}
