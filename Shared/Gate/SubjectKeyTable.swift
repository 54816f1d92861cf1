package import Cryptography
internal import Glibc
package import PrivacyCore

/// Keys of people in one piece of memory, 49 bytes a place: an open-addressing table that is locked
/// in memory where the system allows it, left out of core files, and zeroed where a key goes.
///
/// A person is known by 128 bits: two SipHash codes of the whole pid under seeds that nobody else
/// has. Among a thousand million people the chance that any two share them is below 2^-68, and
/// nobody can look for a pid that shares another one's: the first bytes of a pid, which a caller
/// may choose, would not do.
package struct SubjectKeyTable: ~Copyable {
  private enum Mark {
    static let free: UInt8 = 0
    static let kept: UInt8 = 1
    /// Asked for since the hand of the clock last passed.
    static let used: UInt8 = 2
  }

  private static let keyByteCount = SealingKey.keyByteCount
  private static let tagByteCount = 16
  private static let placeByteCount = keyByteCount + tagByteCount + 1
  private static let placeCountMin = 64

  private let countMax: Int
  private let placeCountMax: Int
  private let seeds: (UInt64, UInt64)
  private var memory: LockedMemory
  private var placeCount: Int
  /// Where the clock's hand stands.
  private var hand = 0
  /// How many keys there are.
  package private(set) var count = 0

  /// A table of at most `countMax` keys, at least 1; one that was not asked for of late makes room
  /// for the next.
  package init(countMax: Int, random: any RandomSource = SystemRandom()) {
    self.countMax = max(1, countMax)
    // Four fifths full at most.
    placeCountMax = max(Self.placeCountMin, self.countMax / 4 * 5 + 5)
    placeCount = min(Self.placeCountMin, placeCountMax)
    seeds = (random.word(), random.word())
    memory = LockedMemory(byteCount: placeCount * Self.placeByteCount)
  }

  /// The bytes of its memory.
  package var byteCount: Int { memory.bytes.count }

  /// Lends all of its memory.
  package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    body(UnsafeRawBufferPointer(memory.bytes))
  }

  /// The key of a person.
  package mutating func key(of pid: PseudonymousID) -> SecretBytes? {
    guard let place = place(of: tag(of: pid)) else { return nil }
    self[mark: place] = Mark.used
    return SecretBytes(copying: UnsafeRawBufferPointer(keyBytes(place)))
  }

  /// Keeps the 32 bytes of a person's key.
  package mutating func insert(_ key: [UInt8], of pid: PseudonymousID) {
    precondition(key.count == Self.keyByteCount, "a key has 32 bytes")
    let tag = tag(of: pid)
    if let place = place(of: tag) {
      keyBytes(place).copyBytes(from: key)
      self[mark: place] = Mark.used
      return
    }
    if count == countMax { evict() }
    if (count + 1) * 5 > placeCount * 4, placeCount < placeCountMax { grow() }
    let place = freePlace(for: tag)
    write(tag, Mark.kept, at: place)
    keyBytes(place).copyBytes(from: key)
    count += 1
  }

  /// Wipes a person's key.
  package mutating func remove(_ pid: PseudonymousID) {
    if let place = place(of: tag(of: pid)) { wipe(place) }
  }

  // MARK: - Places

  private struct Tag: Equatable {
    let high: UInt64
    let low: UInt64
  }

  private func tag(of pid: PseudonymousID) -> Tag {
    func code(_ seed: UInt64) -> UInt64 {
      var hasher = Hasher()
      hasher.combine(seed)
      // All of it: a pid's own hash takes one word.
      hasher.combine(pid.words.0)
      hasher.combine(pid.words.1)
      hasher.combine(pid.words.2)
      hasher.combine(pid.words.3)
      return UInt64(bitPattern: Int64(hasher.finalize()))
    }
    return Tag(high: code(seeds.0), low: code(seeds.1))
  }

  private func home(_ tag: Tag) -> Int {
    Int(truncatingIfNeeded: tag.high.multipliedFullWidth(by: UInt64(placeCount)).high)
  }

  private func after(_ place: Int) -> Int { place + 1 == placeCount ? 0 : place + 1 }

  private func place(of tag: Tag) -> Int? {
    var place = home(tag)
    while self[mark: place] != Mark.free {
      if self.tag(at: place) == tag { return place }
      place = after(place)
    }
    return nil
  }

  private func freePlace(for tag: Tag) -> Int {
    var place = home(tag)
    while self[mark: place] != Mark.free { place = after(place) }
    return place
  }

  private mutating func evict() {
    while true {
      let place = hand
      switch self[mark: place] {
      case Mark.kept:
        wipe(place)
        return
      case Mark.used: self[mark: place] = Mark.kept
      default: break
      }
      hand = after(place)
    }
  }

  /// Wipes a place and moves those behind it up that would not be found across the gap (Knuth, The
  /// Art of Computer Programming, volume 3, 6.4, algorithm R).
  private mutating func wipe(_ place: Int) {
    var gap = place
    var next = after(gap)
    while self[mark: next] != Mark.free {
      let home = home(tag(at: next))
      let isBetween = gap <= next ? gap < home && home <= next : gap < home || home <= next
      if !isBetween {
        write(tag(at: next), self[mark: next], at: gap)
        keyBytes(gap).copyMemory(from: UnsafeRawBufferPointer(keyBytes(next)))
        gap = next
      }
      next = after(next)
    }
    LockedMemory.zero(keyBytes(gap))
    write(Tag(high: 0, low: 0), Mark.free, at: gap)
    count -= 1
  }

  private mutating func grow() {
    let (old, oldCount) = (memory, placeCount)
    placeCount = min(placeCount * 2, placeCountMax)
    memory = LockedMemory(byteCount: placeCount * Self.placeByteCount)
    hand = 0
    for place in 0..<oldCount {
      let mark = Self.mark(place, in: old, oldCount)
      guard mark != Mark.free else { continue }
      let tag = Self.tag(at: place, in: old, oldCount)
      let free = freePlace(for: tag)
      write(tag, mark, at: free)
      keyBytes(free).copyMemory(from: UnsafeRawBufferPointer(Self.keyBytes(place, in: old)))
    }
  }

  // MARK: - Memory: all keys, then all tags, then all marks

  private static func keyBytes(
    _ place: Int, in memory: LockedMemory
  ) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      rebasing: memory.bytes[place * keyByteCount..<(place + 1) * keyByteCount])
  }

  private static func tag(at place: Int, in memory: LockedMemory, _ placeCount: Int) -> Tag {
    let start = placeCount * keyByteCount + place * tagByteCount
    return Tag(
      high: memory.bytes.load(fromByteOffset: start, as: UInt64.self),
      low: memory.bytes.load(fromByteOffset: start + 8, as: UInt64.self))
  }

  private static func mark(_ place: Int, in memory: LockedMemory, _ placeCount: Int) -> UInt8 {
    memory.bytes[placeCount * (keyByteCount + tagByteCount) + place]
  }

  private func keyBytes(_ place: Int) -> UnsafeMutableRawBufferPointer {
    Self.keyBytes(place, in: memory)
  }

  private func tag(at place: Int) -> Tag { Self.tag(at: place, in: memory, placeCount) }

  private subscript(mark place: Int) -> UInt8 {
    get { Self.mark(place, in: memory, placeCount) }
    nonmutating set {
      memory.bytes[placeCount * (Self.keyByteCount + Self.tagByteCount) + place] = newValue
    }
  }

  private func write(_ tag: Tag, _ mark: UInt8, at place: Int) {
    let start = placeCount * Self.keyByteCount + place * Self.tagByteCount
    memory.bytes.storeBytes(of: tag.high, toByteOffset: start, as: UInt64.self)
    memory.bytes.storeBytes(of: tag.low, toByteOffset: start + 8, as: UInt64.self)
    self[mark: place] = mark
  }
}

/// Zeroed memory that is not written to swap, as far as the limit of locked memory allows, nor to
/// core files, and is zeroed when it goes.
///
/// `@unchecked Sendable`: it belongs to one table, which one caller at a time uses.
private final class LockedMemory: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer

  init(byteCount: Int) {
    let memory = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { preconditionFailure("no memory for keys") }
    madvise(memory, byteCount, MADV_DONTDUMP)
    mlock(memory, byteCount)
    bytes = UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
  }

  /// Zeroes in a way that is not optimised away.
  static func zero(_ bytes: UnsafeMutableRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    explicit_bzero(start, bytes.count)
  }

  deinit {
    Self.zero(bytes)
    munmap(bytes.baseAddress, bytes.count)
  }
}
