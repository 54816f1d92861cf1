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
    unsafe words = .allocate(capacity: wordCount)
    for index in 0..<wordCount { unsafe (words + index).initialize(to: Atomic(0)) }
  }

  deinit { unsafe words.deallocate() }

  func insert(_ key: UnsafeRawBufferPointer) {
    let hash = unsafe Self.hash(key)
    set(hash)
    set(hash >> 32)
  }

  func mayContain(_ key: UnsafeRawBufferPointer) -> Bool {
    let hash = unsafe Self.hash(key)
    return isSet(hash) && isSet(hash >> 32)
  }

  private func set(_ bit: UInt64) {
    let word = unsafe words + (Int(truncatingIfNeeded: bit >> 6) & (wordCount - 1))
    let old = unsafe word.pointee.load(ordering: .relaxed)
    unsafe word.pointee.store(old | 1 << (bit & 63), ordering: .relaxed)
  }

  private func isSet(_ bit: UInt64) -> Bool {
    let word = unsafe words + (Int(truncatingIfNeeded: bit >> 6) & (wordCount - 1))
    return unsafe word.pointee.load(ordering: .relaxed) & 1 << (bit & 63) != 0
  }

  /// Mixes 8 bytes at a time (the finaliser of splitmix64).
  private static func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
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
