/// Memory that is handed out piece by piece and given back all at once.
@safe struct Arena: ~Copyable {
  private static let smallestChunk = 4 << 10
  private static let largestChunk = 1 << 20

  private var chunks: [UnsafeMutableRawPointer] = unsafe []
  private var next: UnsafeMutableRawPointer?
  private var remaining = 0
  private var chunkByteCount = smallestChunk

  init() {}

  /// `byteCount` bytes at a multiple of 8.
  mutating func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let rounded = (byteCount + 7) & ~7
    if rounded <= remaining, let start = unsafe next {
      unsafe next = start + rounded
      remaining -= rounded
      return unsafe start
    }
    // A large piece gets a chunk of its own, so that the current one is not wasted.
    if rounded > chunkByteCount / 4 {
      let own = UnsafeMutableRawPointer.allocate(byteCount: rounded, alignment: 8)
      unsafe chunks.append(own)
      return unsafe own
    }
    let chunk = UnsafeMutableRawPointer.allocate(byteCount: chunkByteCount, alignment: 8)
    unsafe chunks.append(chunk)
    unsafe next = chunk + rounded
    remaining = chunkByteCount - rounded
    chunkByteCount = min(chunkByteCount * 2, Self.largestChunk)
    return unsafe chunk
  }

  deinit { unsafe chunks.forEach { unsafe $0.deallocate() } }
}
