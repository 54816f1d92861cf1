/// A point of P-256 other than the neutral one, by its coordinates x and y.
///
/// This module does what is public or must be fast: reading and writing points, hashing to the
/// curve, sums of many points with public weights. Multiplications by a secret number belong to
/// OpenSSL, whose code for this curve takes the same time for each.
package struct CurvePoint: Sendable {
  /// The bytes of a point as it is sent: a sign, and x (SEC 1, section 2.3.3, compressed).
  package static let compressedByteCount = 1 + FieldElement.byteCount
  /// The bytes of both coordinates.
  package static let coordinatesByteCount = 2 * FieldElement.byteCount

  let x: FieldElement
  let y: FieldElement

  /// A point that is known to lie on the curve.
  init(x: FieldElement, y: FieldElement) {
    self.x = x
    self.y = y
  }

  /// The point that 33 bytes give; `nil` for any others: another length or form, an x of p or
  /// more, an x that no point of the curve has. The neutral point has no such form. The curve's
  /// order is prime, so that every point on it belongs to the group. About 6 µs.
  package init?(compressed bytes: [UInt8]) {
    guard bytes.count == Self.compressedByteCount, bytes[0] == 2 || bytes[0] == 3,
      let x = FieldElement(canonical: bytes[1...])
    else { return nil }
    let square = Self.equation(x)
    let root = square.root
    guard root.squared.equals(square) == 1 else { return nil }
    self.init(x: x, y: .choose(root.isOdd ^ UInt64(bytes[0] & 1), -root, root))
  }

  /// The point with these coordinates, 32 bytes each; `nil` where they are none of the curve.
  package init?(coordinates bytes: [UInt8]) {
    guard bytes.count == Self.coordinatesByteCount,
      let x = FieldElement(canonical: bytes.prefix(FieldElement.byteCount)),
      let y = FieldElement(canonical: bytes.suffix(FieldElement.byteCount)),
      y.squared.equals(Self.equation(x)) == 1
    else { return nil }
    self.init(x: x, y: y)
  }

  /// The 33 bytes of the point.
  package var compressed: [UInt8] { [2 | UInt8(truncatingIfNeeded: y.isOdd)] + x.bytes }

  /// Both coordinates, 32 bytes each.
  package var coordinates: [UInt8] { x.bytes + y.bytes }

  /// x^3 - 3x + b, the square of y.
  static func equation(_ x: FieldElement) -> FieldElement {
    x.squared * x - x.tripled + .curveB
  }
}

extension CurvePoint: Equatable {
  package static func == (left: CurvePoint, right: CurvePoint) -> Bool {
    left.x.equals(right.x) & left.y.equals(right.y) == 1
  }
}
