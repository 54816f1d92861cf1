/// Which keys of a table a scan visits.
public struct KeyRange<Key: StoreKey>: Sendable {
  /// The first key's bytes.
  let lower: [UInt8]
  /// The bytes before which the range ends; `nil` at the table's end.
  let upper: [UInt8]?

  /// Every key.
  public static var all: Self { Self(lower: [], upper: nil) }

  /// The keys that begin with the parts in `prefix`: of a table keyed by
  /// `KeyPair<PseudonymousID, UInt64>`, the rows of one person.
  public static func prefix(_ prefix: some StoreKey) -> Self {
    let bytes = encoded(prefix)
    return Self(lower: bytes, upper: successor(ofPrefix: bytes))
  }

  /// The keys from `first` on.
  public static func from(_ first: some StoreKey) -> Self {
    Self(lower: encoded(first), upper: nil)
  }

  /// The keys behind `key`, to go on where a page ended.
  public static func after(_ key: Key) -> Self { Self(lower: encoded(key) + [0], upper: nil) }

  /// The keys from `first` to before `end`. Either may be the first parts of a key.
  public static func from(_ first: some StoreKey, below end: some StoreKey) -> Self {
    Self(lower: encoded(first), upper: encoded(end))
  }

  /// The keys from `first` to `last`, and those that begin with `last`.
  public static func from(_ first: some StoreKey, through last: some StoreKey) -> Self {
    Self(lower: encoded(first), upper: successor(ofPrefix: encoded(last)))
  }

  /// The keys before `end`.
  public static func below(_ end: some StoreKey) -> Self { Self(lower: [], upper: encoded(end)) }

  /// This range without the keys up to and with `key`: the next page.
  public func after(_ key: Key) -> Self {
    let next = Self.encoded(key) + [0]
    return Self(lower: lower.lexicographicallyPrecedes(next) ? next : lower, upper: upper)
  }

  /// This range without `key` and those behind it: the next page of a scan in reverse.
  public func below(_ key: Key) -> Self {
    let end = Self.encoded(key)
    guard let upper, upper.lexicographicallyPrecedes(end) else {
      return Self(lower: lower, upper: end)
    }
    return self
  }

  private static func encoded(_ key: some StoreKey) -> [UInt8] {
    var writer = KeyWriter()
    key.encode(into: &writer)
    return writer.bytes
  }

  /// The first bytes behind everything that begins with `prefix`; `nil` when nothing can be.
  private static func successor(ofPrefix prefix: [UInt8]) -> [UInt8]? {
    var bytes = prefix
    while let last = bytes.popLast() {
      if last < 0xFF { return bytes + [last + 1] }
    }
    return nil
  }
}
