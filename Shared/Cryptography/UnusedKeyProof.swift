/// That nothing in a store is sealed under a key: made by the store that looked, consumed by whoever
/// destroys the key. `SealedStore.proveUnused` alone makes one.
public struct UnusedKeyProof: ~Copyable, Sendable {
  /// The key.
  public let keyID: KeyID
  /// The store that was read through.
  public let storeID: [UInt8]
  /// The newest change that it held then.
  public let sequence: UInt64

  /// For stores only, which have read everything.
  package init(keyID: KeyID, storeID: [UInt8], sequence: UInt64) {
    self.keyID = keyID
    self.storeID = storeID
    self.sequence = sequence
  }
}
