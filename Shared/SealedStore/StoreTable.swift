internal import PrivacyCore

/// The name and number of a table, whatever its types.
public protocol StoreTableDescribing: Sendable {
  /// The table's name in the store: `NameRule`. Never changes.
  var name: String { get }
  /// The table's number: part of what each value is sealed with, and of the journal. Never
  /// changes, never reused.
  var id: UInt16 { get }
}

/// A table: its name, its number and the types of its keys and values.
///
/// A service declares its tables once, in its `Store` folder:
///
///     static let receipts = StoreTable<ConsentID, Receipt>("receipts", id: 1)
public struct StoreTable<Key: StoreKey, Value: StoreValue>: StoreTableDescribing {
  public let name: String
  public let id: UInt16

  /// The table `name` with number `id`, which must be below 65,535.
  public init(_ name: String, id: UInt16) {
    precondition(NameRule.accepts(name), "a table's name must follow NameRule")
    precondition(id < .max, "table number 65,535 is reserved")
    self.name = name
    self.id = id
  }

  /// The key as it is sealed, kept in memory and in the journal: the table's number, then the key.
  @inlinable
  func fullKey(_ key: Key) throws(StoreError) -> [UInt8] {
    var writer = KeyWriter(byteCapacity: 48)
    writer.append(id)
    key.encode(into: &writer)
    let byteCount = writer.bytes.count - 2
    guard byteCount <= StoreLimits.keyByteCountMax, byteCount > 0 else {
      throw .keyTooLong(byteCount: byteCount, limit: StoreLimits.keyByteCountMax)
    }
    return writer.bytes
  }

  /// The bounds of `range` behind the table's number.
  func fullBounds(_ range: KeyRange<Key>) -> (lower: [UInt8], upper: [UInt8]) {
    var lower = KeyWriter(byteCapacity: 48)
    lower.append(id)
    lower.append(raw: range.lower)
    var upper = KeyWriter(byteCapacity: 48)
    if let end = range.upper {
      upper.append(id)
      upper.append(raw: end)
    } else {
      upper.append(id + 1)
    }
    return (lower.bytes, upper.bytes)
  }
}

/// What every store refuses, whatever its configuration.
public enum StoreLimits {
  /// The most bytes an encoded key may have: LMDB's own limit.
  public static let keyByteCountMax = 511
  /// The most bytes a value may have before it is sealed.
  public static let valueByteCountMax = 16 << 20
  /// The most bytes of keys and sealed values that one transaction may change.
  public static let transactionByteCountMax = 64 << 20
}
