internal import PrivacyCore

/// What a service keeps beside its store: its key-encryption keys, each wrapped.
struct ServiceKeyFile: KeyFile {
  static let kind = "tacit-service-keys"
  static let format = 1

  /// What a version is good for.
  enum State: String, Codable {
    /// Seals and opens.
    case active
    /// Opens what was sealed before.
    case retired
  }

  /// One key-encryption key.
  struct Version: Codable {
    let version: UInt32
    var state: State
    let createdAt: String
    let provider: String
    let rootKeyName: String
    /// Base64url.
    let wrappedKey: String

    init(version: UInt32, createdAt: Timestamp, wrapped: WrappedKey) {
      self.version = version
      state = .active
      self.createdAt = createdAt.description
      provider = wrapped.provider
      rootKeyName = wrapped.rootKeyName
      wrappedKey = Base64URL.encode(wrapped.ciphertext)
    }

    /// The same version of the same key, wrapped another time.
    init(_ other: Version, wrapped: WrappedKey) {
      version = other.version
      state = other.state
      createdAt = other.createdAt
      provider = wrapped.provider
      rootKeyName = wrapped.rootKeyName
      wrappedKey = Base64URL.encode(wrapped.ciphertext)
    }

    /// The wrapped key, or `nil` when the file's text of it is damaged.
    var wrapped: WrappedKey? {
      Base64URL.decode(wrappedKey).map {
        WrappedKey(provider: provider, rootKeyName: rootKeyName, ciphertext: $0)
      }
    }
  }

  let service: String
  let createdAt: String
  /// Ascending from 1 without a gap; the last is active, all others are retired.
  var versions: [Version]

  /// Throws unless this is the file of `service` and its versions are in order.
  func check(service: String, path: String) throws(KeyManagementError) {
    guard self.service == service else {
      throw .otherService(path: path, found: self.service, expected: service)
    }
    let isInOrder = versions.enumerated().allSatisfy { index, version in
      version.version == UInt32(index) + 1
        && version.state == (index == versions.count - 1 ? .active : .retired)
    }
    guard isInOrder, !versions.isEmpty, versions.count <= ServiceKeys.versionCountMax else {
      throw .damaged(path: path, reason: "its versions are out of order")
    }
  }
}
