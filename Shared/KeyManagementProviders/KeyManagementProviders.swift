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
    default:
      throw .setting(
        "there is no KMS provider \"\(setting.provider)\"; there are \(names.joined(separator: ", "))"
      )
    }
  }

  /// The names of all providers.
  public static let names = ["file", "aws-kms", "pkcs11"]

  private static func openFile(
    _ setting: KeyManagementSetting
  ) throws(KeyManagementError) -> FileKeyManagementService {
    try setting.allow("passphrase-file")
    let url = URL(filePath: setting.place)
    guard let passphraseFile = setting["passphrase-file"] else {
      return try FileKeyManagementService.open(at: url)
    }
    let passphrase = try SecretSource.file(URL(filePath: passphraseFile)).read()
    return try FileKeyManagementService.open(
      at: url, passphrase: SecretBytes(copying: passphrase.utf8))
  }
}
