internal import Synchronization

/// Says of most keys that were never inserted that they are not there (a Bloom filter with two
/// bits to a key). One thread inserts while any number ask.
///
/// Sendable: the words are atomic, and whoever may see a row was told so through a lock after the
/// row's bits were set.
@safe final class KeyFilter: @unchecked Sendable {
  private let words: UnsafeMutablePointer<Atomic<UInt64>>
  private let wordCount: Int

  /// About 10 bits to each of `expectedCount` keys: then 3 % of the other keys pass.
  init(expectedCount: Int) {
    var wordCount = 64
    while wordCount * 64 < expectedCount * 10 { wordCount *= 2 }
    self.wordCount = wordCount
    // At a multiple of a cache line's size.
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: wordCount * 8, alignment: Self.lineWordCount * 8)
    unsafe words = memory.bindMemory(to: Atomic<UInt64>.self, capacity: wordCount)
    for index in 0..<wordCount { unsafe (words + index).initialize(to: Atomic(0)) }
  }

  deinit { unsafe UnsafeMutableRawPointer(words).deallocate() }

  func insert(_ key: UnsafeRawBufferPointer) {
    let hash = unsafe Self.hash(key)
    let line = unsafe line(of: hash)
    unsafe Self.set(line, hash)
    unsafe Self.set(line, hash >> 9)
  }

  func mayContain(_ key: UnsafeRawBufferPointer) -> Bool {
    let hash = unsafe Self.hash(key)
    let line = unsafe line(of: hash)
    return unsafe Self.isSet(line, hash) && Self.isSet(line, hash >> 9)
  }

  // Both bits of a key lie in one cache line, so that a question misses the cache once: the upper
  // half of the hash gives the line, its lowest 18 bits the two places in it.
  private static let lineWordCount = 8

  private func line(of hash: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe words + (Int(truncatingIfNeeded: hash >> 32) & (wordCount - Self.lineWordCount))
  }

  private static func set(_ line: UnsafeMutablePointer<Atomic<UInt64>>, _ bit: UInt64) {
    let word = unsafe line + Int(bit >> 6 & 7)
    let old = unsafe word.pointee.load(ordering: .relaxed)
    unsafe word.pointee.store(old | 1 << (bit & 63), ordering: .relaxed)
  }

  private static func isSet(
    _ line: UnsafeMutablePointer<Atomic<UInt64>>, _ bit: UInt64
  ) -> Bool {
    unsafe (line + Int(bit >> 6 & 7)).pointee.load(ordering: .relaxed) & 1 << (bit & 63) != 0
  }

  /// Mixes 8 bytes at a time (the finaliser of splitmix64).
  static func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
    var hash = UInt64(key.count) &* 0x9E37_79B9_7F4A_7C15
    var offset = 0
    while offset < key.count {
      var word: UInt64 = 0
      if key.count - offset >= 8 {
        word = unsafe key.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      } else {
        for index in offset..<key.count { word = unsafe word << 8 | UInt64(key[index]) }
      }
      hash = (hash ^ word) &* 0xBF58_476D_1CE4_E5B9
      hash ^= hash >> 29
      offset += 8
    }
    hash = (hash ^ hash >> 30) &* 0x94D0_49BB_1331_11EB
    return hash ^ hash >> 31
  }
}
