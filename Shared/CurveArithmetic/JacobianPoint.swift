/// A point as (x / z^2, y / z^3); the neutral one has z = 0. Additions without a division.
///
/// The formulas are those of Cohen, Miyaji and Ono (1998). They branch where a point meets itself,
/// its negative or the neutral one: for public points, and for secret ones that meet nothing but
/// by a collision of hashes.
struct JacobianPoint: Sendable {
  let x: FieldElement
  let y: FieldElement
  let z: FieldElement

  static let neutral = JacobianPoint(x: .one, y: .one, z: .zero)

  init(x: FieldElement, y: FieldElement, z: FieldElement) {
    self.x = x
    self.y = y
    self.z = z
  }

  init(_ point: CurvePoint) {
    self.init(x: point.x, y: point.y, z: .one)
  }

  /// With z = 1, which takes a division; `nil` for the neutral point.
  var affine: CurvePoint? {
    if z.isZero == 1 { return nil }
    let inverse = z.inverse
    let square = inverse.squared
    return CurvePoint(x: x * square, y: y * square * inverse)
  }

  var doubled: JacobianPoint {
    let delta = z.squared
    let gamma = y.squared
    let beta = x * gamma
    let alpha = ((x - delta) * (x + delta)).tripled
    let fourBeta = beta.doubled.doubled
    let newX = alpha.squared - fourBeta.doubled
    return JacobianPoint(
      x: newX, y: alpha * (fourBeta - newX) - gamma.squared.doubled.doubled.doubled,
      z: (y + z).squared - gamma - delta)
  }

  static func + (left: JacobianPoint, right: JacobianPoint) -> JacobianPoint {
    if left.z.isZero == 1 { return right }
    if right.z.isZero == 1 { return left }
    let leftSquare = left.z.squared
    let rightSquare = right.z.squared
    return left.sum(
      x: left.x * rightSquare, y: left.y * rightSquare * right.z,
      otherX: right.x * leftSquare, otherY: right.y * leftSquare * left.z, z: left.z * right.z)
  }

  static func + (left: JacobianPoint, right: CurvePoint) -> JacobianPoint {
    if left.z.isZero == 1 { return JacobianPoint(right) }
    let square = left.z.squared
    return left.sum(
      x: left.x, y: left.y, otherX: right.x * square, otherY: right.y * square * left.z, z: left.z)
  }

  /// The sum of two points that were brought to one denominator `z`.
  @inline(__always)
  private func sum(
    x: FieldElement, y: FieldElement, otherX: FieldElement, otherY: FieldElement, z: FieldElement
  ) -> JacobianPoint {
    let run = otherX - x
    let rise = otherY - y
    if run.isZero == 1 { return rise.isZero == 1 ? doubled : .neutral }
    let runSquare = run.squared
    let runCube = runSquare * run
    let start = x * runSquare
    let newX = rise.squared - runCube - start.doubled
    return JacobianPoint(
      x: newX, y: rise * (start - newX) - y * runCube, z: z * run)
  }
}
