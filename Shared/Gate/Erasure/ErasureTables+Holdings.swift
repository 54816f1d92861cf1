package import PrivacyCore
package import SealedStore

extension ErasureTables {
  /// What a store remembers of a person's erasure; `nil` where there was none.
  package static func erasure(
    of pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> (sequence: UInt64, removed: UInt64)? {
    try reader.get(erasures, pid).map { ($0.sequence, $0.removed) }
  }
}
