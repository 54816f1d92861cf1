/// The best of many scores, by place: a heap of at most `limit` with the worst on top.
package struct BestScores: Sendable {
  private struct Entry {
    let score: Float
    let place: Int

    /// Of equal scores the earlier place is better.
    func isWorse(than other: Entry) -> Bool {
      score != other.score ? score < other.score : place > other.place
    }
  }

  private let limit: Int
  private var heap: [Entry] = []

  /// Keeps the best `limit`.
  package init(limit: Int) {
    self.limit = limit
    heap.reserveCapacity(limit)
  }

  /// The places of the best `limit` scores, best first. Scores of minus infinity do not count.
  package static func places(of scores: [Float], limit: Int) -> [Int] {
    var best = BestScores(limit: limit)
    for (place, score) in scores.enumerated() where score > -.infinity {
      best.add(score, at: place)
    }
    return best.places
  }

  /// Takes a score into account.
  package mutating func add(_ score: Float, at place: Int) {
    let entry = Entry(score: score, place: place)
    if heap.count < limit {
      heap.append(entry)
      siftUp()
    } else if let worst = heap.first, worst.isWorse(than: entry) {
      heap[0] = entry
      siftDown()
    }
  }

  /// The places kept, best first.
  package var places: [Int] {
    heap.sorted { $1.isWorse(than: $0) }.map(\.place)
  }

  private mutating func siftUp() {
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].isWorse(than: heap[parent]) else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func siftDown() {
    var parent = 0
    while true {
      var worst = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if heap[child].isWorse(than: heap[worst]) { worst = child }
      }
      guard worst != parent else { return }
      heap.swapAt(worst, parent)
      parent = worst
    }
  }
}
