internal import Cryptography
internal import Foundation
public import KeyManagement

/// The providers by name.
public enum KeyManagementProviders {
  /// Opens the provider that `setting` names. Reads files; calls no remote service: that is reached
  /// with the first key.
  ///
  /// - Throws: ``KeyManagementError/setting(_:)`` for a setting that no provider has, and what the
  ///   files of the setting give.
  public static func open(
    _ setting: KeyManagementSetting, environment: ProviderEnvironment
  ) throws(KeyManagementError) -> any KeyManagementService {
    switch setting.provider {
    case "file": try openFile(setting)
    case "aws-kms": try AWSKeyManagementService(setting, environment: environment)
    case "pkcs11": try PKCS11KeyManagementService(setting, environment: environment)
    case "vault-transit": try VaultKeyManagementService(setting, environment: environment)
    case "gcp-kms": try GoogleKeyManagementService(setting, environment: environment)
    case "azure-keyvault": try AzureKeyManagementService(setting, environment: environment)
    default:
      throw .setting(
        "there is no KMS provider \"\(setting.provider)\"; there are \(names.joined(separator: ", "))"
      )
    }
  }

  /// The names of all providers.
  public static let names = [
    "file", "aws-kms", "pkcs11", "vault-transit", "gcp-kms", "azure-keyvault",
  ]

  /// Makes the root key that `setting` names.
  ///
  /// - Throws: ``KeyManagementError/setting(_:)`` for a provider whose keys its vendor's own tools
  ///   make; ``KeyManagementError/exists(path:)`` and the like rather than replace a key.
  public static func createRootKey(
    _ setting: KeyManagementSetting, environment: ProviderEnvironment
  ) async throws(KeyManagementError) {
    switch setting.provider {
    case "file":
      try setting.allow("passphrase-file")
      let url = URL(filePath: setting.place)
      switch try passphrase(setting) {
      case .some(let passphrase):
        _ = try FileKeyManagementService.create(
          at: url, passphrase: SecretBytes(copying: passphrase.utf8))
      case .none:
        _ = try FileKeyManagementService.create(at: url)
      }
    case "pkcs11":
      try await PKCS11KeyManagementService(setting, environment: environment).createRootKey()
    default:
      throw .setting("root keys of \"\(setting.provider)\" are made with its vendor's own tools")
    }
  }

  private static func openFile(
    _ setting: KeyManagementSetting
  ) throws(KeyManagementError) -> FileKeyManagementService {
    try setting.allow("passphrase-file")
    let url = URL(filePath: setting.place)
    guard let passphrase = try passphrase(setting) else {
      return try FileKeyManagementService.open(at: url)
    }
    return try FileKeyManagementService.open(
      at: url, passphrase: SecretBytes(copying: passphrase.utf8))
  }

  private static func passphrase(
    _ setting: KeyManagementSetting
  ) throws(KeyManagementError) -> String? {
    guard let path = setting["passphrase-file"] else { return nil }
    return try SecretSource.file(URL(filePath: path)).read()
  }
}
