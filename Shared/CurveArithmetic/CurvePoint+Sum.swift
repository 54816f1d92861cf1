extension CurvePoint {
  /// The bytes of a weight.
  package static let weightByteCount = 32

  /// The sum of `points`, each as often as its weight says, by Pippenger's buckets. **What it
  /// takes in must be public**: the time tells of the weights. About 12 µs a point for a thousand.
  ///
  /// - Parameter weights: 32 bytes each, most significant first.
  /// - Returns: `nil` where the sum is the neutral point.
  package static func publicSum(of points: [CurvePoint], weights: [[UInt8]]) -> CurvePoint? {
    precondition(points.count == weights.count, "each point has a weight")
    let width = windowWidth(pointCount: points.count)
    // One window more takes the last carry.
    let windowCount = (8 * weightByteCount + width) / width
    let digits = weights.map { Self.digits($0, width: width, count: windowCount) }
    var sum = JacobianPoint.neutral
    for window in (0..<windowCount).reversed() {
      for _ in 0..<width { sum = sum.doubled }
      var buckets = [JacobianPoint](repeating: .neutral, count: 1 << (width - 1))
      for (point, digits) in zip(points, digits) {
        let digit = digits[window]
        if digit > 0 {
          buckets[digit - 1] = buckets[digit - 1] + point
        } else if digit < 0 {
          buckets[-digit - 1] = buckets[-digit - 1] + CurvePoint(x: point.x, y: -point.y)
        }
      }
      // Each bucket counts as often as its number says: once in every sum that begins above it.
      var running = JacobianPoint.neutral
      for bucket in buckets.reversed() {
        running = running + bucket
        sum = sum + running
      }
    }
    return sum.affine
  }

  /// The width for which the fewest multiplications are needed: 11 for a point, 32 for a bucket.
  private static func windowWidth(pointCount: Int) -> Int {
    let cost = { (width: Int) in (256 / width + 1) * (11 * pointCount + (32 << (width - 1))) }
    return (2...12).min { cost($0) < cost($1) } ?? 2
  }

  /// A weight as digits of `width` bits from the least significant on, from -2^(width - 1) to
  /// 2^(width - 1).
  private static func digits(_ weight: [UInt8], width: Int, count: Int) -> [Int] {
    precondition(weight.count == weightByteCount, "a weight has 32 bytes")
    var digits: [Int] = []
    digits.reserveCapacity(count)
    var carry = 0
    for window in 0..<count {
      var digit = carry
      for bit in 0..<width {
        let position = window * width + bit
        guard position < 8 * weightByteCount else { break }
        let byte = weight[weightByteCount - 1 - position / 8]
        digit += Int(byte >> (position % 8) & 1) << bit
      }
      carry = digit > 1 << (width - 1) ? 1 : 0
      digits.append(digit - carry << width)
    }
    return digits
  }
}
