internal import SealedStore
internal import TransparencyLog

/// Where a receipt's entry stands in the transparency log, and, for a member of a batch, what opens
/// it. Kept with the index of a person's receipts.
package enum LogPlace: StoreValue, Hashable {
  /// The receipt is from before receipts were logged.
  case unlogged
  /// An entry of its own; the log keeps what opens it.
  case entry(index: UInt64)
  /// A member of a batch. The salt is `nil` once it is forgotten: nothing opens the member then.
  case member(index: UInt64, member: UInt32, salt: [UInt8]?)

  package func encodeValue() -> [UInt8] {
    switch self {
    case .unlogged: []
    case .entry(let index): Self.bigEndian(index)
    case .member(let index, let member, let salt):
      Self.bigEndian(index) + Self.bigEndian(member) + (salt ?? [])
    }
  }

  package init(storedValue bytes: [UInt8]) throws {
    let salted = 12 + SaltedCommitment.saltByteCount
    func number(_ range: Range<Int>) -> UInt64 {
      bytes[range].reduce(0) { $0 << 8 | UInt64($1) }
    }
    switch bytes.count {
    case 0: self = .unlogged
    case 8: self = .entry(index: number(0..<8))
    case 12, salted:
      self = .member(
        index: number(0..<8), member: UInt32(number(8..<12)),
        salt: bytes.count == salted ? Array(bytes[12...]) : nil)
    default: throw StoreError.corrupted("the place of a receipt's entry")
    }
  }

  private static func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }

  /// The entry's place in the log; `nil` where there is none.
  package var index: UInt64? {
    switch self {
    case .unlogged: nil
    case .entry(let index), .member(let index, _, _): index
    }
  }
}
