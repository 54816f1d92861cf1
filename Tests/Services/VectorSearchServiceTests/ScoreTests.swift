internal import FeaturesAPI
internal import PrivacyCore
internal import TestSupport
internal import Testing
internal import TrainerAPI
internal import VectorIndex
internal import VectorsAPI

@Suite("The score of a recommendation")
struct ScoreTests {
  /// Worked out with NumPy from the formula of docs/decisions/0003-recommendation-score.md.
  struct Example: CustomTestStringConvertible {
    let testDescription: String
    let popularity: [Float]
    /// Item and days before 1,000; an item beyond the last is not in the catalogue.
    let history: [(item: Int, days: [Int32])]
    let scores: [Float]
    let order: [Int]
  }

  static let vectors: [[Float]] = [
    [1, 0, 0, 0], [0.8, 0.6, 0, 0], [0, 1, 0, 0], [0, 0, 0.6, 0.8], [0, 0, 0, 1],
  ]

  static let examples = [
    Example(
      testDescription: "two of one item, one of another", popularity: [9, 4, 1, 0, 16],
      history: [(1, [300, 30]), (3, [1])],
      scores: [1.282_179_55, 3.168_175_77, 0.130_657_84, 2.505_049_75, 1.249_384_5],
      order: [1, 3, 0, 4, 2]),
    Example(
      testDescription: "little popularity, an unknown item, a purchase today",
      popularity: [1.5, 0, 0, 0.5, 0],
      history: [(0, [600]), (9, [10]), (2, [10, 0]), (4, [360, 180, 1])],
      scores: [0.087_897_92, -0.452_364_16, 3.990_263_27, 0.083_840_82, 3.512_673_51],
      order: [2, 4, 0, 3, 1]),
  ]

  @Test("is what the formula gives", arguments: examples)
  func formula(example: Example) async throws {
    try await withVectorSearch { fixture in
      let items = zip(Self.vectors, example.popularity).enumerated().map { place, item in
        ModelItem(item: "i\(place)", vector: item.0, popularity: item.1)
      }
      fixture.others.offer("m_1", items)
      try await fixture.publish()
      try await fixture.grant(person(1), "product_recs")
      let today = Int32(fixture.time.now.day)
      var days: [String: [Int32]] = [:]
      for (item, ages) in example.history { days["i\(item)"] = ages.map { today - $0 } }
      fixture.others.had(days, person(1))
      let reply = try await fixture.recommend(person(1), k: 20)
      #expect(reply.recommendations.map(\.item) == example.order.map { "i\($0)" })
      for (recommendation, place) in zip(reply.recommendations, example.order) {
        #expect(abs(recommendation.score - example.scores[place]) < 1e-5)
      }
    }
  }

  @Test("whitened rows have the covariance that the ridge leaves")
  func whitening() {
    let slab = VectorSlab(dimension: 3)
    // Along the axes, with variances 3, 1/3 and 1/3: mu = 11/9.
    for row in [[3, 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]] as [[Float]] {
      slab.append(row.map { $0 + 10 })
    }
    let whitened = slab.whitened()
    #expect(whitened.rowCount == 6)
    let mu: Float = 11.0 / 9
    let expected: [Float] = [3 / (3 / mu + 1).squareRoot(), 1 / (1 / (3 * mu) + 1).squareRoot()]
    #expect(abs(whitened[0][0] - expected[0]) < 1e-5 && abs(whitened[1][0] + expected[0]) < 1e-5)
    #expect(abs(whitened[2][1] - expected[1]) < 1e-5 && abs(whitened[4][2] - expected[1]) < 1e-5)
    #expect(abs(whitened[0][1]) < 1e-5 && abs(whitened[2][0]) < 1e-5)
  }

  @Test("rows that are all alike have no direction")
  func noVariance() {
    let slab = VectorSlab(dimension: 2)
    for _ in 0..<3 { slab.append([0.5, 0.5]) }
    let whitened = slab.whitened()
    #expect((0..<3).allSatisfy { whitened[$0] == [0, 0] })
  }
}
