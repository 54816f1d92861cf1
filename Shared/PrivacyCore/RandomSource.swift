internal import Glibc

/// Where randomness comes from. A parameter everywhere, so that tests can repeat a history.
public protocol RandomSource: Sendable {
  /// Fills the whole buffer with random bytes.
  func fill(_ bytes: UnsafeMutableRawBufferPointer)
}

extension RandomSource {
  /// So many random bytes.
  public func bytes(count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      let whole = UnsafeMutableRawBufferPointer(buffer)
      fill(UnsafeMutableRawBufferPointer(rebasing: whole[0..<count]))
      initializedCount = count
    }
  }

  /// 64 random bits.
  public func word() -> UInt64 {
    var word: UInt64 = 0
    withUnsafeMutableBytes(of: &word) { fill($0) }
    return word
  }
}

/// The operating system's generator (getentropy(3), which is getrandom(2)): fit for keys and for privacy noise.
public struct SystemRandom: RandomSource {
  /// The operating system's generator.
  public init() {}

  public func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    // The most that one call gives.
    let most = 256
    for start in stride(from: 0, to: bytes.count, by: most) {
      let part = UnsafeMutableRawBufferPointer(
        rebasing: bytes[start..<min(start + most, bytes.count)])
      guard let base = part.baseAddress else { return }
      precondition(getentropy(base, part.count) == 0, "the system has no randomness")
    }
  }
}
