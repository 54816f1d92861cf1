/// The keys of one purpose: values are sealed under the current key and opened under whichever
/// key they name.
public final class SealingKeyRing: Sendable {
  /// What new values are sealed under.
  public let current: SealingKey

  private let keys: [KeyID: SealingKey]

  /// A ring of the current key and those that only open. Two keys with one id are a mistake.
  public init(current: SealingKey, retired: [SealingKey] = []) {
    self.current = current
    var keys = [current.id: current]
    for key in retired {
      precondition(keys.updateValue(key, forKey: key.id) == nil, "two keys with one id")
    }
    self.keys = keys
  }

  /// The ids of all keys, ascending.
  public var ids: [KeyID] { keys.keys.sorted() }

  /// The key with this id, or `nil`.
  public func key(_ id: KeyID) -> SealingKey? { id == current.id ? current : keys[id] }

  /// Appends `plaintext`, sealed under the current key, to `sealed`.
  public func seal(
    _ plaintext: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer,
    into sealed: inout [UInt8]
  ) throws(CryptographyError) {
    try unsafe current.seal(plaintext, associatedData: associatedData, into: &sealed)
  }

  /// `plaintext`, sealed under the current key.
  public func seal(_ plaintext: [UInt8], associatedData: [UInt8] = []) throws(CryptographyError)
    -> [UInt8]
  {
    try current.seal(plaintext, associatedData: associatedData)
  }

  /// The plaintext of `sealed`, opened with the key that it names.
  ///
  /// - Throws: ``CryptographyError/unknownKey(_:)`` when the ring does not hold that key.
  public func open(
    _ sealed: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer
  ) throws(CryptographyError) -> [UInt8] {
    let id = try unsafe SealingKey.keyID(of: sealed)
    guard let key = key(id) else { throw .unknownKey(id) }
    return try unsafe key.open(sealed, associatedData: associatedData)
  }

  /// The plaintext of `sealed`, opened with the key that it names.
  public func open(_ sealed: [UInt8], associatedData: [UInt8] = []) throws(CryptographyError)
    -> [UInt8]
  {
    try unsafe sealed.span.withUnsafeBytes { sealed throws(CryptographyError) in
      try unsafe associatedData.span.withUnsafeBytes { associatedData throws(CryptographyError) in
        try unsafe open(sealed, associatedData: associatedData)
      }
    }
  }
}
