internal import VectorIndex

/// What the recommender needs of the items that has nothing to do with any person.
struct ItemTraits: Sendable {
  /// The mean of the items' vectors.
  let mean: [Float]

  init(codes: [String], popularity: [Float], index: FlatIndex) {
    var mean = [Float](repeating: 0, count: index.dimension)
    index.reading { slab in
      for row in codes.indices { slab.add(row, times: 1 / Float(codes.count), to: &mean) }
    }
    self.mean = mean
  }
}
