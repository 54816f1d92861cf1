public import Cryptography
public import Foundation
public import PrivacyCore

/// The `file` provider, the embedded default: the root key lies in a file of mode 0600, in the
/// open or sealed under a passphrase (scrypt). It is in this process's memory while it is used.
public struct FileKeyManagementService: KeyManagementService {
  public var providerName: String { "file" }

  /// The name of this root key, derived from it: 16 hexadecimal digits, not secret.
  public let rootKeyName: String

  private let wrapper: SealingKey

  /// Reads the root key at `url`.
  ///
  /// - Parameter passphrase: given exactly when the file is sealed under one. Opening a sealed
  ///   file takes as long as its scrypt cost says: about half a second by default.
  public static func open(
    at url: URL, passphrase: borrowing SecretBytes? = nil
  ) throws(KeyManagementError) -> FileKeyManagementService {
    let path = url.path(percentEncoded: false)
    let file = try RootKeyFile.decode(PrivateFile.read(url), path: path)
    switch passphrase {
    case .some(let passphrase):
      guard file.isSealed else { throw .passphraseNotUsed(path: path) }
      return try Self(rootKey: file.openSealedKey(passphrase: passphrase, path: path))
    case .none:
      guard !file.isSealed else { throw .passphraseMissing(path: path) }
      return try Self(rootKey: file.openKey(path: path))
    }
  }

  /// Makes a new root key at `url`, in a directory that exists.
  ///
  /// - Parameters:
  ///   - passphrase: seals the key when given.
  ///   - cost: what one guess of the passphrase costs.
  /// - Throws: ``KeyManagementError/exists(path:)`` rather than overwrite a root key.
  public static func create(
    at url: URL, passphrase: borrowing SecretBytes? = nil, cost: ScryptCost = .interactive,
    random: any RandomSource = SystemRandom(), time: any TimeSource = SystemTime()
  ) throws(KeyManagementError) -> FileKeyManagementService {
    let path = url.path(percentEncoded: false)
    let rootKey = SecretBytes(random: random, count: RootKeyFile.keyByteCount)
    let file: RootKeyFile
    switch passphrase {
    case .some(let passphrase):
      do throws(CryptographyError) {
        file = try RootKeyFile(
          key: rootKey, createdAt: time.now, passphrase: passphrase, cost: cost, random: random)
      } catch {
        throw .cryptography(error)
      }
    case .none:
      file = RootKeyFile(key: rootKey, createdAt: time.now)
    }
    guard try PrivateFile.create(file.encoded(path: path), at: url, random: random) else {
      throw .exists(path: path)
    }
    return try Self(rootKey: rootKey)
  }

  /// Reads the root key at `url`, or makes one when there is none. Several processes that start
  /// at once all get the same key.
  public static func openOrCreate(
    at url: URL, passphrase: borrowing SecretBytes? = nil, cost: ScryptCost = .interactive,
    random: any RandomSource = SystemRandom(), time: any TimeSource = SystemTime()
  ) throws(KeyManagementError) -> FileKeyManagementService {
    do throws(KeyManagementError) {
      return try open(at: url, passphrase: passphrase)
    } catch {
      guard case .missing = error else { throw error }
    }
    do throws(KeyManagementError) {
      return try create(at: url, passphrase: passphrase, cost: cost, random: random, time: time)
    } catch {
      guard case .exists = error else { throw error }
    }
    return try open(at: url, passphrase: passphrase)
  }

  /// A provider over a root key that the caller holds: for tests and for keys that come from
  /// elsewhere.
  public init(rootKey: borrowing SecretBytes) throws(KeyManagementError) {
    do throws(CryptographyError) {
      let wrappingKey = try KeyDerivation.hkdfSHA256(
        secret: rootKey, salt: [], info: Array("tacit file provider: wrap".utf8),
        byteCount: SealingKey.keyByteCount)
      wrapper = try SealingKey(id: KeyID(rawValue: 0), secret: wrappingKey)
      let name = try KeyDerivation.hkdfSHA256(
        secret: rootKey, salt: [], info: Array("tacit file provider: name".utf8), byteCount: 8)
      rootKeyName = name.withUnsafeBytes { Hexadecimal.encode($0) }
    } catch {
      throw .cryptography(error)
    }
  }

  public func wrap(
    _ key: borrowing SecretBytes, context: [String: String]
  ) async throws(KeyManagementError) -> WrappedKey {
    try checkLimits(keyByteCount: key.byteCount, context: context)
    do throws(CryptographyError) {
      let ciphertext = try wrapper.seal(
        key, associatedData: FieldEncoding(context: context).bytes)
      return WrappedKey(
        provider: providerName, rootKeyName: rootKeyName, ciphertext: ciphertext)
    } catch {
      throw .cryptography(error)
    }
  }

  public func unwrap(
    _ wrapped: WrappedKey, context: [String: String]
  ) async throws(KeyManagementError) -> SecretBytes {
    guard wrapped.provider == providerName, wrapped.rootKeyName == rootKeyName else {
      throw .otherProvider(
        wrappedBy: "\(wrapped.provider) \(wrapped.rootKeyName)",
        available: "\(providerName) \(rootKeyName)")
    }
    do throws(CryptographyError) {
      return try wrapper.openSecret(
        wrapped.ciphertext, associatedData: FieldEncoding(context: context).bytes)
    } catch {
      throw .refused
    }
  }
}
