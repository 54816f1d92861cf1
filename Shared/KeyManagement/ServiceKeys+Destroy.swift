public import Cryptography
internal import Foundation
internal import PrivacyCore
internal import Synchronization

extension ServiceKeys {
  /// Destroys a version that seals nothing any more: its wrapped key is taken out of `keys.json` and
  /// its key out of memory. Backups of the file still hold it, and so may replaced blocks of the disk:
  /// it is gone once the root key that wrapped it is, too.
  ///
  /// - Parameters:
  ///   - proof: that the store holds nothing under it.
  ///   - sealingPurpose: the purpose of the ring that the proof is about.
  ///   - keepingDerived: keeps the other keys that were derived from it, each wrapped by itself; the
  ///     sealing key cannot be computed from them. Without it such keys are a reason to refuse.
  /// - Throws: `versionInUse` with their names, `notRetired`, `changedElsewhere`.
  public func destroyVersion(
    _ proof: borrowing UnusedKeyProof, sealingPurpose: String, keepingDerived: Bool
  ) async throws(KeyManagementError) {
    let version = proof.keyID.rawValue
    let path = url.path(percentEncoded: false)
    let before = try PrivateFile.read(url)
    var file = try ServiceKeyFile.decode(before, path: path)
    try file.check(service: service, path: path)
    guard file.versions.map(\.summary) == versions else { throw .changedElsewhere(path: path) }
    guard let index = file.versions.firstIndex(where: { $0.version == version }),
      file.versions[index].state == .retired, let key = held.withLock({ $0.keys[version] })
    else { throw .notRetired(version) }
    let names = namesInUse(ofVersion: version, exceptSealing: sealingPurpose)
    guard names.isEmpty || keepingDerived else { throw .versionInUse(version, by: names) }

    var keys: [(name: DerivedKeyName, key: KeptKey)] = []
    for name in names {
      keys.append((name, KeptKey(try Self.derive(name, of: service, version, from: key.secret))))
    }
    let kept = try await Self.wrap(keys, of: version, service: service, kms: kms)
    // Unwrapped before the version goes: what cannot be read back would be lost.
    for part in kept {
      let again = try await Self.unwrap(
        part, of: version, service: service, path: path, kms: kms)
      for (name, key) in keys {
        guard let copy = again[name] else { continue }
        guard key.isSame(as: copy) else {
          throw .unexpectedAnswer(
            provider: kms.providerName, reason: "it does not unwrap what it wrapped")
        }
      }
    }
    file.versions[index] = file.versions[index].destroyed(at: time.now, keeping: kept)
    try PrivateFile.replace(before, with: file.encoded(path: path), at: url, random: random)
    let versions = file.versions.map(\.summary)
    held.withLock { held in
      held.versions = versions
      held.keys[version] = nil
      held.kept[version] = Dictionary(uniqueKeysWithValues: keys.map { ($0.name, $0.key) })
    }
  }
}

extension KeptKey {
  fileprivate func isSame(as other: KeptKey) -> Bool {
    secret.withUnsafeBytes { mine in
      other.secret.withUnsafeBytes { ConstantTime.areEqual(Array(mine), Array($0)) }
    }
  }
}
