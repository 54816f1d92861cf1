internal import VectorIndex

/// What the recommender needs of the items that has nothing to do with any person: made once for
/// each model.
struct ItemTraits: Sendable {
  /// How well each item sells, as the square root of its share of the best.
  let demand: [Float]
  /// The items' vectors in coordinates in which no direction is crowded.
  let tastes: VectorSlab

  /// So many of the most popular items say what selling well means.
  private static let bestCount = 20
  /// About where the greatest of some thousand values of noise alone lies, in its standard
  /// deviations: below it noise would be blown up.
  private static let bestFloor: Float = 4

  init(popularity: [Float], index: FlatIndex) {
    let best = BestScores.places(of: popularity, limit: Self.bestCount).map { popularity[$0] }
    let mean = best.reduce(0, +) / Float(max(1, best.count))
    let unit = max(Self.bestFloor, mean)
    demand = popularity.map { (max(0, $0) / unit).squareRoot() }
    tastes = index.reading { $0.whitened() }
  }
}
