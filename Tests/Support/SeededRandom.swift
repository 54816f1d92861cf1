internal import PrivacyCore
internal import Synchronization

/// A repeatable source of random bytes (SplitMix64): one seed, one history. Never for secrets.
package final class SeededRandom: RandomSource {
  private let state: Mutex<UInt64>

  /// The history that belongs to `seed`.
  package init(seed: UInt64) { state = Mutex(seed) }

  package func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    state.withLock { state in
      for start in stride(from: 0, to: bytes.count, by: 8) {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        word ^= word >> 31
        withUnsafeBytes(of: word.littleEndian) { source in
          let end = min(start + 8, bytes.count)
          for index in start..<end { bytes[index] = source[index - start] }
        }
      }
    }
  }
}
