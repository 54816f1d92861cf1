public import Cryptography

/// Why keys could not be had. Carries paths, names and numbers, never key bytes.
public enum KeyManagementError: Error, Equatable, Sendable {
  /// There is no file at the path.
  case missing(path: String)
  /// A file is there already, and is not overwritten.
  case exists(path: String)
  /// The file's mode lets others than its owner in.
  case readableByOthers(path: String, mode: UInt32)
  /// The file is cut, damaged, or something else altogether.
  case damaged(path: String, reason: String)
  /// A newer version of the software wrote the file.
  case newerFormat(path: String, found: Int, supported: Int)
  /// The root key is sealed under a passphrase and none was given.
  case passphraseMissing(path: String)
  /// A passphrase was given for a root key that is not sealed: whoever gave it believes it is.
  case passphraseNotUsed(path: String)
  /// The passphrase does not open the root key.
  case wrongPassphrase(path: String)
  /// The operating system refused; the text is its own.
  case fileSystem(path: String, operation: String, reason: String)
  /// The keys belong to another service.
  case otherService(path: String, found: String, expected: String)
  /// Another provider, or another root key of it, wrapped the key.
  case otherProvider(wrappedBy: String, available: String)
  /// The provider does not unwrap the key: it was changed, or wrapped for another context.
  case refused
  /// The provider cannot be reached or is out of order; a later try may succeed.
  case unavailable(reason: String)
  /// The provider does not let this caller in; the reason is its own code.
  case denied(provider: String, reason: String)
  /// The root key is disabled, deleted, or not there.
  case rootKeyUnusable(name: String, reason: String)
  /// The provider answered what it never should.
  case unexpectedAnswer(provider: String, reason: String)
  /// A setting does not say which provider to use, or how.
  case setting(String)
  /// A key to wrap is empty or too long.
  case keyByteCount(Int, byteCountMax: Int)
  /// A context has too many pairs or too long ones.
  case contextTooLarge(byteCount: Int, byteCountMax: Int)
  /// A service, purpose, tenant or domain that is no name.
  case invalidName(String)
  /// The service has no key-encryption key of this version.
  case unknownVersion(UInt32)
  /// The version was destroyed, and this key of it was not kept.
  case destroyedVersion(UInt32)
  /// These keys hang from the version: it cannot be destroyed before they are moved or kept.
  case versionInUse(UInt32, by: [DerivedKeyName])
  /// The version is the one that seals, or is not there, or is destroyed already.
  case notRetired(UInt32)
  /// No further version can be added.
  case tooManyVersions(countMax: Int)
  /// Another process changed the keys since they were opened.
  case changedElsewhere(path: String)
  /// A cryptographic operation failed.
  case cryptography(CryptographyError)
}

extension KeyManagementError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missing(let path):
      "\(path) does not exist"
    case .exists(let path):
      "\(path) exists already and is not overwritten"
    case .readableByOthers(let path, let mode):
      "\(path) is readable by others (mode 0\(String(mode, radix: 8))): chmod 600 \(path)"
    case .damaged(let path, let reason):
      "\(path) is no usable key file: \(reason)"
    case .newerFormat(let path, let found, let supported):
      "\(path) has format \(found), this version reads up to \(supported): upgrade it"
    case .passphraseMissing(let path):
      "\(path) is sealed under a passphrase, and none was given"
    case .passphraseNotUsed(let path):
      "\(path) is not sealed under a passphrase, but one was given"
    case .wrongPassphrase(let path):
      "\(path) does not open with this passphrase"
    case .fileSystem(let path, let operation, let reason):
      "\(path): \(operation) failed: \(reason)"
    case .otherService(let path, let found, let expected):
      "\(path) holds the keys of the service \(found), not of \(expected)"
    case .otherProvider(let wrappedBy, let available):
      "the key was wrapped by \(wrappedBy), the provider at hand is \(available)"
    case .refused:
      "the wrapped key was changed, or it was wrapped for another context"
    case .unavailable(let reason):
      "the key provider is unavailable: \(reason)"
    case .denied(let provider, let reason):
      "\(provider) does not let this caller in: \(reason)"
    case .rootKeyUnusable(let name, let reason):
      "the root key \(name) cannot be used: \(reason)"
    case .unexpectedAnswer(let provider, let reason):
      "\(provider) answered what it never should: \(reason)"
    case .setting(let text):
      text
    case .keyByteCount(let byteCount, let byteCountMax):
      "a key to wrap has 1 to \(byteCountMax) bytes, this one has \(byteCount)"
    case .contextTooLarge(let byteCount, let byteCountMax):
      "a context has at most \(byteCountMax) bytes, this one has \(byteCount)"
    case .invalidName(let name):
      "\"\(name)\" is no name for a key's purpose"
    case .unknownVersion(let version):
      "there is no key-encryption key of version \(version)"
    case .destroyedVersion(let version):
      "version \(version) of the service's key was destroyed"
    case .versionInUse(let version, let names):
      "keys hang from version \(version): \(names.map(\.description).joined(separator: ", "))"
    case .notRetired(let version):
      "version \(version) is not one that only opens what was sealed before"
    case .tooManyVersions(let countMax):
      "there are \(countMax) versions already"
    case .changedElsewhere(let path):
      "\(path) was changed by another process: open the keys again"
    case .cryptography(let error):
      error.description
    }
  }
}

/// Runs `body` and reports what OpenSSL refuses as this module's error.
func reportingCryptography<Result: ~Copyable>(
  _ body: () throws(CryptographyError) -> Result
) throws(KeyManagementError) -> Result {
  do throws(CryptographyError) {
    return try body()
  } catch {
    throw .cryptography(error)
  }
}
