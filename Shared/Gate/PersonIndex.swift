/// Which number a person has: an open-addressing table that grows by a quarter, so that it is
/// never less than three fifths full. A byte of each hash is kept beside the number: a person is
/// looked at only where it fits.
struct PersonIndex: Sendable {
  private var tags: [UInt8]
  private var numbers: [UInt32]
  private var count = 0

  /// Marks a free slot.
  private static let free: UInt8 = 0

  init() { (tags, numbers) = Self.slots(16) }

  /// The bytes of its slots.
  var byteCount: Int { tags.count * (MemoryLayout<UInt8>.stride + MemoryLayout<UInt32>.stride) }

  /// The number under `hash` for which `isWanted` holds.
  func number(_ hash: UInt64, where isWanted: (Int) -> Bool) -> Int? {
    var slot = slot(of: hash)
    let tag = Self.tag(hash)
    while tags[slot] != Self.free {
      if tags[slot] == tag, isWanted(Int(numbers[slot])) { return Int(numbers[slot]) }
      slot += 1
      if slot == tags.count { slot = 0 }
    }
    return nil
  }

  /// Enters a number under a hash.
  ///
  /// - Parameter hashOf: the hash of a number that is there already, should the table have to grow.
  mutating func insert(_ number: Int, _ hash: UInt64, hashOf: (Int) -> UInt64) {
    if (count + 1) * 5 > tags.count * 4 { grow(hashOf) }
    put(UInt32(number), hash)
    count += 1
  }

  private mutating func put(_ number: UInt32, _ hash: UInt64) {
    var slot = slot(of: hash)
    while tags[slot] != Self.free {
      slot += 1
      if slot == tags.count { slot = 0 }
    }
    tags[slot] = Self.tag(hash)
    numbers[slot] = number
  }

  private mutating func grow(_ hashOf: (Int) -> UInt64) {
    let (oldTags, oldNumbers) = (tags, numbers)
    (tags, numbers) = Self.slots(oldTags.count + oldTags.count / 4)
    for slot in oldTags.indices where oldTags[slot] != Self.free {
      put(oldNumbers[slot], hashOf(Int(oldNumbers[slot])))
    }
  }

  private static func slots(_ count: Int) -> ([UInt8], [UInt32]) {
    ([UInt8](repeating: free, count: count), [UInt32](repeating: 0, count: count))
  }

  private static func tag(_ hash: UInt64) -> UInt8 { max(1, UInt8(truncatingIfNeeded: hash)) }

  /// The high bits choose the slot, the low ones are the tag.
  private func slot(of hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(tags.count)).high)
  }
}
