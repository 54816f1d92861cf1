internal import CurveArithmetic
internal import PrivacyCore
internal import Testing

/// The generator's coordinates and the order (SEC 2, section 2.4.2).
private let generatorX = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
private let generatorY = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
private let groupOrder = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
private let prime = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"

private func bytes(_ text: String) throws -> [UInt8] { try #require(Hexadecimal.decode(text)) }

private func generator() throws -> CurvePoint {
  try #require(CurvePoint(coordinates: bytes(generatorX + generatorY)))
}

private func weight(_ number: UInt64) -> [UInt8] {
  [UInt8](repeating: 0, count: 24)
    + stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
}

@Suite("Points of P-256")
struct CurvePointTests {
  @Test("a point is read from its sign and its x, and written so again")
  func compressed() throws {
    let point = try generator()
    #expect(Hexadecimal.encode(point.compressed) == "03" + generatorX)
    #expect(CurvePoint(compressed: point.compressed) == point)
    let negative = try #require(CurvePoint(compressed: bytes("02" + generatorX)))
    #expect(negative != point)
    #expect(Hexadecimal.encode(negative.coordinates.prefix(32)) == generatorX)
    #expect(CurvePoint.publicSum(of: [point, negative], weights: [weight(1), weight(1)]) == nil)
  }

  @Test(
    "what is no compressed point is refused",
    arguments: [
      "", "00", String(repeating: "00", count: 33), "04" + generatorX, "01" + generatorX,
      "05" + generatorX, "02" + generatorX + "00", "03" + String(generatorX.dropLast(2)),
      "04" + generatorX + generatorY,
      // x = p is 0 unreduced; 0 itself is on the curve. x = p - 1 is reduced, and not on it.
      "02" + prime, "02" + String(repeating: "ff", count: 32),
      "02ffffffff00000001000000000000000000000000fffffffffffffffffffffffe",
    ])
  func malformed(text: String) throws {
    #expect(CurvePoint(compressed: try bytes(text)) == nil)
  }

  @Test("the point with x = 0 is one, as b is a square")
  func zero() throws {
    #expect(CurvePoint(compressed: try bytes("02" + String(repeating: "00", count: 32))) != nil)
  }

  @Test("half of all x belong to a point")
  func density() throws {
    var random = SplitMix64(seed: 9497)
    let count = (0..<1_000).count { _ in
      let x = (0..<4).flatMap { _ in weight(random.next()).suffix(8) }
      return CurvePoint(compressed: [2] + x) != nil
    }
    #expect((400...600).contains(count))
  }

  @Test("coordinates that are none of the curve, or unreduced, are refused")
  func coordinates() throws {
    #expect(CurvePoint(coordinates: try bytes(generatorX + generatorX)) == nil)
    #expect(CurvePoint(coordinates: try bytes(prime + generatorY)) == nil)
    #expect(CurvePoint(coordinates: try bytes(generatorX)) == nil)
  }

  @Test("the order times a point is the neutral one, and one less its negative")
  func order() throws {
    let point = try generator()
    #expect(CurvePoint.publicSum(of: [point], weights: [try bytes(groupOrder)]) == nil)
    var less = try bytes(groupOrder)
    less[31] -= 1
    let last = try #require(CurvePoint.publicSum(of: [point], weights: [less]))
    #expect(Hexadecimal.encode(last.compressed) == "02" + generatorX)
    #expect(CurvePoint.publicSum(of: [point], weights: [weight(0)]) == nil)
    #expect(CurvePoint.publicSum(of: [], weights: []) == nil)
  }

  @Test("a sum of many is the same whatever the windows", arguments: [1, 2, 3, 17, 300])
  func sums(count: Int) throws {
    var random = SplitMix64(seed: UInt64(count))
    let point = try generator()
    var points: [CurvePoint] = []
    var weights: [[UInt8]] = []
    var total: UInt64 = 0
    for _ in 0..<count {
      let multiple = random.next() >> 44
      let factor = random.next() >> 44
      points.append(
        try #require(CurvePoint.publicSum(of: [point], weights: [weight(multiple)])))
      weights.append(weight(factor))
      total += multiple * factor
    }
    let expected = CurvePoint.publicSum(of: [point], weights: [weight(total)])
    #expect(expected != nil)
    #expect(CurvePoint.publicSum(of: points, weights: weights) == expected)
  }
}
