/// An array that grows by chunks of equal size: it has at most one chunk to spare, where an array
/// that doubles may have as much as it holds.
struct ChunkedArray<Element: Sendable>: Sendable {
  private static var chunkCount: Int { 1_024 }
  private var chunks: [[Element]] = []
  private(set) var count = 0

  /// The bytes of its elements' places.
  var byteCount: Int { chunks.count * Self.chunkCount * MemoryLayout<Element>.stride }

  subscript(index: Int) -> Element {
    get { chunks[index / Self.chunkCount][index % Self.chunkCount] }
    _modify { yield &chunks[index / Self.chunkCount][index % Self.chunkCount] }
  }

  mutating func append(_ element: Element) {
    if count == chunks.count * Self.chunkCount {
      var chunk: [Element] = []
      chunk.reserveCapacity(Self.chunkCount)
      chunks.append(chunk)
    }
    chunks[chunks.count - 1].append(element)
    count += 1
  }
}
