internal import PrivacyCore
internal import TestSupport
internal import Testing
internal import VectorIndex

@Suite("The exact index")
struct VectorIndexTests {
  @Test(
    "finds what a plain loop in double precision finds",
    arguments: [VectorMetric.innerProduct, .cosine, .euclidean], [1, 31, 32, 33, 512])
  func agreesWithPlainLoop(metric: VectorMetric, dimension: Int) throws {
    let random = SeededRandom(seed: UInt64(dimension))
    let vectors = try (0..<200).map { _ in
      try metric.prepared(Self.vector(dimension, random), dimension: dimension)
    }
    let index = FlatIndex(dimension: dimension, metric: metric)
    for (number, vector) in vectors.enumerated() {
      index.upsert([UInt8(number)], vector, at: UInt64(number))
    }
    let query = try metric.prepared(Self.vector(dimension, random), dimension: dimension)
    let found = index.nearest(to: query, k: 10)
    let exact = vectors.map { Self.score(metric, $0, query) }
    let wanted = exact.sorted(by: >).prefix(10)
    #expect(found.matches.count == 10)
    for (match, score) in zip(found.matches, wanted) {
      #expect(abs(Double(match.score) - score) <= 1e-5 * (1 + abs(score)))
      #expect(abs(exact[Int(match.id[0])] - score) <= 1e-5 * (1 + abs(score)))
    }
  }

  @Test("holds the same vectors as a dictionary after any order of upserts and removals")
  func modelTest() {
    let random = SeededRandom(seed: 5)
    let index = FlatIndex(dimension: 3, metric: .innerProduct)
    var model: [[UInt8]: [Float]] = [:]
    for step in 0..<3_000 {
      let id = [UInt8(random.word() % 60)]
      if random.word() % 3 == 0 {
        #expect(index.remove(id) == (model.removeValue(forKey: id) != nil))
      } else {
        let vector = Self.vector(3, random)
        index.upsert(id, vector, at: UInt64(step))
        model[id] = vector
      }
      guard step % 100 == 0 else { continue }
      #expect(index.count == model.count)
      let query = Self.vector(3, random)
      let found = index.nearest(to: query, k: 100)
      #expect(found.matches.count == model.count)
      for match in found.matches {
        let vector = model[match.id] ?? []
        #expect(abs(Double(match.score) - Self.score(.innerProduct, vector, query)) < 1e-5)
      }
    }
  }

  @Test("keeps the newest of two writes that overtake each other")
  func newestStays() {
    let index = FlatIndex(dimension: 1, metric: .innerProduct)
    index.upsert([1], [5], at: 9)
    index.upsert([1], [7], at: 8)
    #expect(index.nearest(to: [1], k: 1).matches == [Match(id: [1], score: 5)])
    index.upsert([1], [6], at: 10)
    #expect(index.nearest(to: [1], k: 1).matches.first?.score == 6)
  }

  @Test("asks from the nearest on and passes over what is not admitted, however many that are")
  func admission() {
    let index = FlatIndex(dimension: 1, metric: .innerProduct)
    for number in 0..<1_000 {
      index.upsert([UInt8(number >> 8), UInt8(number & 255)], [Float(number)], at: 0)
    }
    let last = index.nearest(to: [1], k: 3) { id in id[0] == 0 && id[1] < 5 }
    #expect(last.matches.map(\.score) == [4, 3, 2])
    #expect(last.passedOver == 995)
    let first = index.nearest(to: [1], k: 3)
    #expect(first.matches.map(\.score) == [999, 998, 997] && first.passedOver == 0)
    let none = index.nearest(to: [1], k: 3) { _ in false }
    #expect(none.matches.isEmpty && none.passedOver == 1_000)
  }

  @Test("gives equal scores in the order of their ids")
  func ties() {
    let index = FlatIndex(dimension: 1, metric: .innerProduct)
    for number in [3, 1, 2] { index.upsert([UInt8(number)], [1], at: 0) }
    #expect(index.nearest(to: [1], k: 3).matches.map(\.id) == [[1], [2], [3]])
  }

  @Test("the best scores are those that sorting gives")
  func bestScores() {
    let random = SeededRandom(seed: 3)
    for count in [0, 1, 7, 300] {
      let scores = (0..<count).map { _ in Float(random.word() % 50) }
      let sorted = scores.indices.sorted {
        scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1
      }
      #expect(BestScores.places(of: scores, limit: 20) == Array(sorted.prefix(20)))
    }
    #expect(BestScores.places(of: [1, -.infinity, 2], limit: 3) == [2, 0])
  }

  @Test("refuses numbers that are no vector of the collection")
  func faults() throws {
    #expect(throws: VectorFault.wrongDimension(found: 2, wanted: 3)) {
      try VectorMetric.cosine.prepared([1, 2], dimension: 3)
    }
    for bad in [Float.nan, .infinity, -.infinity] {
      #expect(throws: VectorFault.notFinite(place: 1)) {
        try VectorMetric.innerProduct.prepared([1, bad], dimension: 2)
      }
    }
    #expect(throws: VectorFault.noDirection) {
      try VectorMetric.cosine.prepared([0, 0], dimension: 2)
    }
    #expect(try VectorMetric.euclidean.prepared([0, 0], dimension: 2) == [0, 0])
    #expect(try VectorMetric.cosine.prepared([3, 4], dimension: 2) == [0.6, 0.8])
    let tiny = try VectorMetric.cosine.prepared([.leastNonzeroMagnitude, 0], dimension: 2)
    #expect(tiny == [1, 0])
    let huge = try VectorMetric.cosine.prepared([.greatestFiniteMagnitude, 0], dimension: 2)
    #expect(huge == [1, 0])
  }

  private static func vector(_ dimension: Int, _ random: SeededRandom) -> [Float] {
    (0..<dimension).map { _ in Float(random.word() % 2_001) / 1_000 - 1 + 1e-4 }
  }

  private static func score(_ metric: VectorMetric, _ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { sum, pair in
      let (x, y) = (Double(pair.0), Double(pair.1))
      return metric == .euclidean ? sum - (x - y) * (x - y) : sum + x * y
    }
  }

  @Test("a vector that is given another id is found under that one, and the newer of two stays")
  func renaming() {
    let index = FlatIndex(dimension: 2, metric: .innerProduct)
    index.upsert([1], [1, 0], at: 1)
    index.upsert([2], [0, 1], at: 2)
    index.rename([1], to: [9])
    #expect(index.nearest(to: [1, 0], k: 1).matches == [Match(id: [9], score: 1)])
    #expect(index.count == 2 && !index.remove([1]))
    // There is a newer one already.
    index.upsert([1], [5, 0], at: 1)
    index.upsert([9], [2, 0], at: 3)
    index.rename([1], to: [9])
    #expect(index.nearest(to: [1, 0], k: 1).matches == [Match(id: [9], score: 2)])
    // There is an older one.
    index.upsert([1], [7, 0], at: 4)
    index.rename([1], to: [9])
    #expect(index.nearest(to: [1, 0], k: 1).matches == [Match(id: [9], score: 7)])
    index.rename([1], to: [3])
    index.rename([9], to: [9])
    #expect(index.count == 2 && index.remove([9]) && index.remove([2]))
  }
}
