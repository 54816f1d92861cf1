/// One vector found.
package struct Match: Hashable, Sendable {
  /// Its id.
  package let id: [UInt8]
  /// Its score; larger is nearer.
  package let score: Float

  package init(id: [UInt8], score: Float) {
    self.id = id
    self.score = score
  }
}

/// What a search found.
package struct SearchResult: Hashable, Sendable {
  /// Nearest first; of equal scores the smaller id first.
  package let matches: [Match]
  /// How many nearer vectors were passed over because they were not admitted.
  package let passedOver: Int
}

/// An index over the vectors of one collection. Safe to use from many tasks.
///
/// Vectors come with the position in the store's log at which they were written, so that calls
/// that overtake each other leave the newest.
package protocol VectorIndex: AnyObject, Sendable {
  /// The dimension of its vectors.
  var dimension: Int { get }
  /// How nearness is measured.
  var metric: VectorMetric { get }
  /// How many vectors it holds.
  var count: Int { get }

  /// Adds or replaces a vector that `VectorMetric.prepared` gave, unless a newer one is there.
  func upsert(_ id: [UInt8], _ vector: [Float], at sequence: UInt64)

  /// Removes a vector and overwrites its numbers. False where there was none.
  @discardableResult
  func remove(_ id: [UInt8]) -> Bool

  /// Gives a vector another id, in one step for searches. Where there is one under that id already, the
  /// newer of the two stays.
  func rename(_ id: [UInt8], to newID: [UInt8])

  /// The `k` nearest of the vectors that are admitted.
  ///
  /// - Parameters:
  ///   - query: as `VectorMetric.prepared` gave it.
  ///   - admitting: is asked from the nearest on until `k` are found.
  func nearest(
    to query: [Float], k: Int, admitting isAdmitted: ([UInt8]) -> Bool
  ) -> SearchResult
}

extension VectorIndex {
  /// The `k` nearest of all vectors.
  package func nearest(to query: [Float], k: Int) -> SearchResult {
    nearest(to: query, k: k, admitting: { _ in true })
  }
}
