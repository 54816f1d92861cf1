internal import Synchronization

/// The SplitMix64 generator (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014): the same numbers for a seed on every machine. For simulations, tests and
/// made-up data; never for secrets or privacy noise.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The numbers that belong to `seed`.
  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mixed(state)
  }

  /// A number that looks random, and is another one for each word.
  package static func mixed(_ word: UInt64) -> UInt64 {
    var word = word
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}

/// A repeatable `RandomSource`: one seed, one history. Never for secrets.
package final class SeededRandom: RandomSource {
  private let numbers: Mutex<SplitMix64>

  /// The history that belongs to `seed`.
  package init(seed: UInt64) { numbers = Mutex(SplitMix64(seed: seed)) }

  package func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    numbers.withLock { numbers in
      for start in stride(from: 0, to: bytes.count, by: 8) {
        withUnsafeBytes(of: numbers.next().littleEndian) { word in
          for (index, byte) in word.prefix(bytes.count - start).enumerated() {
            bytes[start + index] = byte
          }
        }
      }
    }
  }
}
