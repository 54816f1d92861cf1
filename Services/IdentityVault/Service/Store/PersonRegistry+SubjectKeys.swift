internal import Cryptography
internal import PrivacyCore
internal import SealedStore
internal import VaultAPI

extension PersonRegistry {
  private static let subjectKeyByteCount = 32

  /// A new subject key, sealed for this person: put under another pid it does not open.
  func sealedSubjectKey(of pid: PseudonymousID) throws(CryptographyError) -> [UInt8] {
    let key = SecretBytes(random: random, count: Self.subjectKeyByteCount)
    return try subjectKeyRing.current.seal(key, associatedData: pid.bytes)
  }

  /// For each pid the key of `caller`, as of one moment. About 4 µs a key.
  func subjectKeys(_ pids: [PseudonymousID], of caller: String) throws -> [SubjectKey] {
    let info = Array("tacit subject key|\(caller)".utf8)
    return try store.read { snapshot in
      try pids.map { pid in
        switch try Self.standing(of: pid, in: snapshot) {
        case .unknown: return SubjectKey()
        case .forgotten: return SubjectKey(forgotten: true)
        case .known(let person):
          guard let sealed = try snapshot.get(VaultTables.subjectKeys, person) else {
            throw StoreError.corrupted("a person has no subject key")
          }
          return SubjectKey(key: try derived(from: sealed, of: person, info: info))
        }
      }
    }
  }

  private func derived(
    from sealed: [UInt8], of person: PseudonymousID, info: [UInt8]
  ) throws -> [UInt8] {
    let id = try sealed.withUnsafeBytes { try SealingKey.keyID(of: $0) }
    guard let key = subjectKeyRing.key(id) else { throw CryptographyError.unknownKey(id) }
    let secret = try key.openSecret(sealed, associatedData: person.bytes)
    let derived = try KeyDerivation.hkdfSHA256(
      secret: secret, salt: [], info: info, byteCount: Self.subjectKeyByteCount)
    return derived.withUnsafeBytes { [UInt8]($0) }
  }
}
