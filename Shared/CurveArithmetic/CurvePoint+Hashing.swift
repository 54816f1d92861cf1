extension CurvePoint {
  /// The uniform bytes that a point is made of: two field elements of 48 bytes.
  package static let uniformByteCount = 96

  /// The point that 96 uniformly random bytes give: `hash_to_curve` of RFC 9380, section 3, behind
  /// its `expand_message`. Nothing but a collision shows in the time it takes. `nil` for the
  /// neutral point, which nobody finds. About 20 µs.
  package init?(uniform bytes: [UInt8]) {
    precondition(bytes.count == Self.uniformByteCount, "96 bytes give a point")
    let first = Self.mapped(FieldElement(reducing: bytes.prefix(48)))
    let second = Self.mapped(FieldElement(reducing: bytes.suffix(48)))
    guard let sum = (first + second).affine else { return nil }
    self = sum
  }

  /// A = -3.
  private static let curveA = -FieldElement.one.tripled
  /// A root of -Z.
  private static let rootOfMinusZ = (-FieldElement.mapZ).root

  /// The simplified map of Shallue, van de Woestijne and Ulas without branches: RFC 9380,
  /// appendix F.2, whose x is the fraction `numerator / denominator` here.
  private static func mapped(_ input: FieldElement) -> JacobianPoint {
    let scaled = FieldElement.mapZ * input.squared
    let sum = scaled.squared + scaled
    let first = FieldElement.curveB * (sum + .one)
    let denominator = curveA * FieldElement.choose(sum.isZero, .mapZ, -sum)
    let square = denominator.squared
    let cube = square * denominator
    let value = (first.squared + curveA * square) * first + .curveB * cube
    let (isSquare, root) = rootOfRatio(value, cube)
    let numerator = FieldElement.choose(isSquare, first, scaled * first)
    let unsigned = FieldElement.choose(isSquare, root, scaled * input * root)
    let y = FieldElement.choose(input.isOdd ^ unsigned.isOdd, -unsigned, unsigned)
    return JacobianPoint(x: numerator * denominator, y: y * cube, z: denominator)
  }

  /// 1 and a root of `top / bottom`, or 0 and a root of Z times that: RFC 9380, appendix F.2.1.2.
  private static func rootOfRatio(
    _ top: FieldElement, _ bottom: FieldElement
  ) -> (isSquare: UInt64, root: FieldElement) {
    let product = top * bottom
    let root = (bottom.squared * product).quarterPower * product
    let isSquare = (root.squared * bottom).equals(top)
    return (isSquare, .choose(isSquare, root, root * rootOfMinusZ))
  }
}
