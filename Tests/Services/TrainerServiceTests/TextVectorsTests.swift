internal import Testing
internal import TrainerService

@Suite("Vectors of texts")
struct TextVectorsTests {
  private static let texts = [
    "RED HANGING LANTERN", "WHITE HANGING HEART T-LIGHT HOLDER", "REGENCY CAKESTAND 3 TIER",
    "café crème, grün & blau", "", "...  --- !!!", "RED RED RED LANTERNS",
  ]

  private static func norm(_ vector: [Float]) -> Double {
    vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  @Test("a text with words has a vector of norm 1 and 512 dimensions")
  func unitNorm() {
    let vectors = TextVectors(of: Self.texts)
    for place in [0, 1, 2, 3, 6] {
      #expect(vectors[place].count == 512)
      #expect(abs(Self.norm(vectors[place]) - 1) < 1e-6)
    }
  }

  @Test("a text without words has only zeros")
  func zero() {
    let vectors = TextVectors(of: Self.texts)
    for place in [4, 5] { #expect(vectors[place].allSatisfy { $0 == 0 }) }
  }

  @Test("a text that nothing tells from the others has only zeros, and no number is undefined")
  func nothingRare() {
    for texts in [["RED LANTERN"], ["RED LANTERN", "red lantern!"]] {
      let vectors = TextVectors(of: texts)
      #expect(vectors[0].allSatisfy { $0 == 0 })
    }
  }

  @Test("the same texts give the same vectors, bit for bit")
  func deterministic() {
    let first = TextVectors(of: Self.texts)
    let second = TextVectors(of: Self.texts)
    for place in Self.texts.indices { #expect(first[place] == second[place]) }
  }

  @Test("texts that share words are closer than those that share none")
  func similarity() {
    let vectors = TextVectors(of: Self.texts)
    func cosine(_ left: Int, _ right: Int) -> Float {
      zip(vectors[left], vectors[right]).reduce(0) { $0 + $1.0 * $1.1 }
    }
    #expect(cosine(0, 6) > 0.5)
    #expect(abs(cosine(0, 2)) < 0.2)
  }

  @Test("case, order, repetition and a plural do not matter")
  func normalised() {
    let vectors = TextVectors(of: ["red lantern", "LANTERNS red RED", "blue door"])
    #expect(vectors[0] == vectors[1])
  }
}
