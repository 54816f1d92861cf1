internal import Cryptography
internal import Logging
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import VaultAPI

extension PersonRegistry {
  /// Moves the subject keys of a store from before the key tree into slots, and seals these
  /// people's
  /// identifiers under keys of their own. Goes on where it was cut off.
  ///
  /// - Parameter ring: what sealed the keys before.
  /// - Returns: how many people were moved.
  @discardableResult
  func moveIntoTree(_ ring: SealingKeyRing, log: Logger) async throws -> Int {
    var movedCount = 0
    while true {
      let some = try store.read { try $0.rows(VaultTables.ringSealedKeys, limit: Self.movedAtOnce) }
      guard !some.isEmpty else { break }
      let first = try await keys.takeSlots(some.count)
      let slots = some.indices.map { UInt32(first + UInt64($0)) }
      let slotKeys = try keys.tree.keys(of: slots)
      let fresh = try some.indices.map { index in
        let (person, sealed) = some[index]
        let id = try sealed.withUnsafeBytes { try SealingKey.keyID(of: $0) }
        guard let key = ring.key(id) else { throw CryptographyError.unknownKey(id) }
        return try keys.fresh(
          person, slot: slots[index], under: slotKeys[index],
          key.openSecret(sealed, associatedData: person.bytes))
      }
      try await store.write { transaction in
        for key in fresh {
          try keys.put(key, in: &transaction)
          for (place, value) in try transaction.rows(VaultTables.identifiers, .prefix(key.pid)) {
            try transaction.put(VaultTables.identifiers, place, value, under: key.identifierKey)
          }
          try transaction.delete(VaultTables.ringSealedKeys, key.pid)
        }
        try keys.noteSlots(of: fresh, in: &transaction)
      }
      movedCount += some.count
    }
    if movedCount > 0 {
      log.notice(
        """
        subject keys were moved into the key tree; backups from before show people who are erased \
        from now on: delete them
        """, metadata: ["people": "\(movedCount)"])
    }
    return movedCount
  }

  /// So many people are moved in one transaction: with 1,024 identifiers each, 64 MiB are not
  /// enough
  /// for many more.
  private static let movedAtOnce = 64
}
