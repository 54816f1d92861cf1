internal import Foundation
package import PrivacyCore

/// How many distinct identifiers there were, in bounded memory: exactly up to 4,096, and from there
/// on with a standard error of 0.8 % in 16 KiB (HyperLogLog with 2^14 registers; Flajolet et al.
/// 2007, with the estimator of Ertl, arXiv 1702.01284, algorithm 6, which has no bias in between).
///
/// Pids are codes under a secret key: uniform already, and nobody without the key can choose
/// identifiers that hide behind each other.
package struct DistinctSketch: Sendable {
  /// How many are counted exactly.
  package static let exactCountMax = 4_096

  private static let registerBitCount = 14
  private static let registerCount = 1 << registerBitCount
  /// The bits of a word behind those that choose the register.
  private static let tailBitCount = 64 - registerBitCount
  private static let rankMax = tailBitCount + 1

  /// The first words of the pids, while there are few.
  private var exact: Set<UInt64> = []
  /// The largest rank that each register saw; empty while there are few.
  private var registers: [UInt8] = []
  /// How many registers have which rank, so that an estimate need not look at all of them.
  private var histogram: [Int] = []

  /// Nobody.
  package init() {}

  private var isExact: Bool { registers.isEmpty }

  /// How many of them are new; `nil` where nobody can tell before they are counted in.
  package func newCount(_ pids: [PseudonymousID]) -> Int? {
    guard isExact else { return nil }
    if pids.count == 1 { return exact.contains(pids[0].words.0) ? 0 : 1 }
    var new: Set<UInt64> = []
    for pid in pids where !exact.contains(pid.words.0) { new.insert(pid.words.0) }
    return new.count
  }

  /// Counts a pid in. A few nanoseconds once there are many.
  package mutating func insert(_ pid: PseudonymousID) {
    guard isExact else { return raise(pid.words.0) }
    exact.insert(pid.words.0)
    guard exact.count > Self.exactCountMax else { return }
    registers = [UInt8](repeating: 0, count: Self.registerCount)
    histogram = [Int](repeating: 0, count: Self.rankMax + 1)
    histogram[0] = Self.registerCount
    for word in exact { raise(word) }
    exact = []
  }

  private mutating func raise(_ word: UInt64) {
    let index = Int(word >> Self.tailBitCount)
    let tail = word << Self.registerBitCount
    let rank = UInt8(min(tail.leadingZeroBitCount, Self.tailBitCount) + 1)
    let old = registers[index]
    guard rank > old else { return }
    registers[index] = rank
    histogram[Int(old)] -= 1
    histogram[Int(rank)] += 1
  }

  /// How many distinct ones were counted in, exactly or as an estimate; about half a microsecond for
  /// the latter.
  package var count: Int {
    guard !isExact else { return exact.count }
    let registerCount = Double(Self.registerCount)
    var sum = registerCount * Self.tau(1 - Double(histogram[Self.rankMax]) / registerCount)
    for rank in stride(from: Self.tailBitCount, through: 1, by: -1) {
      sum = 0.5 * (sum + Double(histogram[rank]))
    }
    sum += registerCount * Self.sigma(Double(histogram[0]) / registerCount)
    return Int((registerCount * registerCount / (2 * log(2) * sum)).rounded())
  }

  private static func sigma(_ share: Double) -> Double {
    if share == 1 { return .infinity }
    var (power, factor, sum) = (share, 1.0, share)
    while true {
      power *= power
      let before = sum
      sum += power * factor
      factor += factor
      if sum == before { return sum }
    }
  }

  private static func tau(_ share: Double) -> Double {
    if share == 0 || share == 1 { return 0 }
    var (root, factor, sum) = (share, 1.0, 1 - share)
    while true {
      root = root.squareRoot()
      let before = sum
      factor *= 0.5
      sum -= (1 - root) * (1 - root) * factor
      if sum == before { return sum / 3 }
    }
  }

  // MARK: - On disk

  /// A byte that says which, then the registers, or the words, eight bytes each.
  package var packed: [UInt8] {
    guard isExact else { return [1] + registers }
    var bytes: [UInt8] = [0]
    bytes.reserveCapacity(1 + 8 * exact.count)
    for word in exact {
      for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * index))) }
    }
    return bytes
  }

  /// Reads what `packed` gave; `nil` for anything else.
  package init?(packed bytes: [UInt8]) {
    let body = bytes.dropFirst()
    switch bytes.first {
    case 0:
      guard body.count % 8 == 0, body.count / 8 <= Self.exactCountMax else { return nil }
      for start in stride(from: 1, to: bytes.count, by: 8) {
        exact.insert((0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << (8 * $1) })
      }
    case 1:
      guard body.count == Self.registerCount, body.allSatisfy({ $0 <= Self.rankMax }) else {
        return nil
      }
      registers = Array(body)
      histogram = [Int](repeating: 0, count: Self.rankMax + 1)
      for rank in registers { histogram[Int(rank)] += 1 }
    default: return nil
    }
  }
}
