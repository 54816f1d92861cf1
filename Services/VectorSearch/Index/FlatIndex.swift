/// The exact index: every search looks at every vector. 3,740 vectors of 512 numbers take about a
/// quarter of a millisecond.
package final class FlatIndex: VectorIndex {
  private struct Content {
    let slab: VectorSlab
    /// The id and the store's position of each row.
    var ids: [[UInt8]] = []
    var sequences: [UInt64] = []
    var rows: [[UInt8]: Int] = [:]

    @discardableResult
    mutating func remove(_ id: [UInt8]) -> Bool {
      guard let row = rows.removeValue(forKey: id) else { return false }
      slab.remove(row)
      let last = ids.count - 1
      if row < last {
        ids[row] = ids[last]
        sequences[row] = sequences[last]
        rows[ids[row]] = row
      }
      ids.removeLast()
      sequences.removeLast()
      return true
    }
  }

  package let dimension: Int
  package let metric: VectorMetric
  private let content: ReadWriteLock<Content>

  /// An empty index.
  package init(dimension: Int, metric: VectorMetric) {
    self.dimension = dimension
    self.metric = metric
    content = ReadWriteLock(Content(slab: VectorSlab(dimension: dimension)))
  }

  package var count: Int { content.reading { $0.ids.count } }

  package func upsert(_ id: [UInt8], _ vector: [Float], at sequence: UInt64) {
    content.writing { content in
      if let row = content.rows[id] {
        guard content.sequences[row] <= sequence else { return }
        content.slab.replace(row, with: vector)
        content.sequences[row] = sequence
      } else {
        content.rows[id] = content.ids.count
        content.slab.append(vector)
        content.ids.append(id)
        content.sequences.append(sequence)
      }
    }
  }

  @discardableResult
  package func remove(_ id: [UInt8]) -> Bool { content.writing { $0.remove(id) } }

  package func rename(_ id: [UInt8], to newID: [UInt8]) {
    content.writing { content in
      guard id != newID, let row = content.rows[id] else { return }
      if let other = content.rows[newID] {
        if content.sequences[other] < content.sequences[row] {
          content.slab.replace(other, with: content.slab[row])
          content.sequences[other] = content.sequences[row]
        }
        content.remove(id)
      } else {
        content.rows[id] = nil
        content.rows[newID] = row
        content.ids[row] = newID
      }
    }
  }

  /// Runs `body` with the rows, which stand in the order in which they were added as long as
  /// nothing was removed.
  package func reading<Answer>(_ body: (VectorSlab) throws -> Answer) rethrows -> Answer {
    try content.reading { try body($0.slab) }
  }

  package func nearest(
    to query: [Float], k: Int, admitting isAdmitted: ([UInt8]) -> Bool
  ) -> SearchResult {
    content.reading { content in
      let scores = Self.scores(of: query, in: content.slab, metric)
      var matches: [Match] = []
      var passedOver = 0
      var judged = 0
      // Most searches are done with the first round; each further one looks at more.
      var limit = max(2 * k, 64)
      while true {
        let places = BestScores.places(of: scores, limit: limit)
        for place in places.dropFirst(judged) {
          judged += 1
          if isAdmitted(content.ids[place]) {
            matches.append(Match(id: content.ids[place], score: scores[place]))
            if matches.count == k { break }
          } else {
            passedOver += 1
          }
        }
        if matches.count == k || places.count < limit { break }
        limit *= 4
      }
      return SearchResult(matches: Self.inOrder(matches), passedOver: passedOver)
    }
  }

  private static func scores(
    of query: [Float], in slab: VectorSlab, _ metric: VectorMetric
  ) -> [Float] {
    switch metric {
    case .innerProduct, .cosine: slab.innerProducts(with: query)
    case .euclidean: slab.squaredDistances(to: query).map { -$0 }
    }
  }

  /// Equal scores by id, so that an answer does not depend on the order of writing.
  private static func inOrder(_ matches: [Match]) -> [Match] {
    matches.sorted {
      $0.score != $1.score ? $0.score > $1.score : $0.id.lexicographicallyPrecedes($1.id)
    }
  }
}
