internal import PrivacyCore

/// What a service keeps beside its store: its key-encryption keys, each wrapped.
struct ServiceKeyFile: KeyFile {
  static let kind = "tacit-service-keys"
  static let format = 2
  static let oldestFormat = 1

  /// Programs before the second format know no destroyed versions.
  var ownFormat: Int { versions.contains { $0.state == .destroyed } ? 2 : 1 }

  typealias State = ServiceKeyVersion.State

  /// Keys that were derived from a version before it was destroyed, wrapped together: 32 bytes each,
  /// in the order of their names.
  struct Kept: Codable {
    /// The most keys in one: their bytes are well within what every provider wraps.
    static let countMax = 64

    let names: [DerivedKeyName]
    let provider: String
    let rootKeyName: String
    /// Base64url.
    let wrappedKey: String

    init(_ names: [DerivedKeyName], wrapped: WrappedKey) {
      self.names = names
      provider = wrapped.provider
      rootKeyName = wrapped.rootKeyName
      wrappedKey = Base64URL.encode(wrapped.ciphertext)
    }

    var wrapped: WrappedKey? {
      Base64URL.decode(wrappedKey).map {
        WrappedKey(provider: provider, rootKeyName: rootKeyName, ciphertext: $0)
      }
    }
  }

  /// One key-encryption key.
  struct Version: Codable {
    let version: UInt32
    var state: State
    let createdAt: String
    let provider: String
    let rootKeyName: String
    /// Base64url; missing where the version is destroyed.
    var wrappedKey: String?
    /// When it was destroyed.
    var destroyedAt: String?
    /// What was kept of it then.
    var kept: [Kept]?

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
      wrappedKey.flatMap(Base64URL.decode).map {
        WrappedKey(provider: provider, rootKeyName: rootKeyName, ciphertext: $0)
      }
    }

    /// What may be told of it.
    var summary: ServiceKeyVersion {
      ServiceKeyVersion(
        version: version, state: state, createdAt: createdAt, destroyedAt: destroyedAt ?? "",
        kept: (kept ?? []).flatMap(\.names))
    }

    /// The same version without its key.
    func destroyed(at now: Timestamp, keeping kept: [Kept]) -> Version {
      var gone = self
      gone.state = .destroyed
      gone.wrappedKey = nil
      gone.destroyedAt = now.description
      gone.kept = kept.isEmpty ? nil : kept
      return gone
    }

    fileprivate func isRight(at index: Int, of count: Int) -> Bool {
      guard version == UInt32(index) + 1, (wrappedKey == nil) == (state == .destroyed) else {
        return false
      }
      return (state == .active) == (index == count - 1)
    }
  }

  let service: String
  let createdAt: String
  /// Ascending from 1 without a gap; the last is active, the others are retired or destroyed.
  var versions: [Version]

  /// Throws unless this is the file of `service` and its versions are in order.
  func check(service: String, path: String) throws(KeyManagementError) {
    guard self.service == service else {
      throw .otherService(path: path, found: self.service, expected: service)
    }
    let isInOrder = versions.enumerated().allSatisfy { index, version in
      version.isRight(at: index, of: versions.count)
    }
    guard isInOrder, !versions.isEmpty, versions.count <= ServiceKeys.versionCountMax else {
      throw .damaged(path: path, reason: "its versions are out of order")
    }
  }
}
