internal import PrivacyCore
package import SealedStore

/// What a store remembers of each erasure, so that it can say at any time what it did.
package enum ErasureTables {
  /// By person.
  static let erasures = StoreTable<PseudonymousID, ErasureRecord>("erasures", id: 61_001)

  /// All of them.
  package static let all: [any StoreTableDescribing] = [erasures]
}

/// What was done: `sequence (8) | removed (8)`, big-endian.
struct ErasureRecord: StoreValue, Equatable {
  /// The position of the erasure in the consent log.
  let sequence: UInt64
  /// How many rows went.
  let removed: UInt64

  init(sequence: UInt64, removed: UInt64) {
    self.sequence = sequence
    self.removed = removed
  }

  func encodeValue() -> [UInt8] {
    [sequence, removed].flatMap { number in
      (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
    }
  }

  init(storedValue bytes: [UInt8]) throws {
    guard bytes.count == 16 else { throw StoreError.corrupted("the record of an erasure") }
    let numbers = [bytes[..<8], bytes[8...]].map { $0.reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(sequence: numbers[0], removed: numbers[1])
  }
}
