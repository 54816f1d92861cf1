/// Punycode (RFC 3492), the encoder only.
enum Punycode {
  // The parameters of section 5.
  private static let base = 36
  private static let thresholdMin = 1
  private static let thresholdMax = 26
  private static let skew = 38
  private static let damp = 700
  private static let initialBias = 72
  private static let initialCodePoint: UInt32 = 128

  /// The ASCII characters of `scalars`, a hyphen where there are any, then where and what the
  /// others are. The prefix `xn--` is the caller's. Quadratic: for labels, not for texts.
  static func encode(_ scalars: some Collection<Unicode.Scalar>) -> [UInt8] {
    var output = scalars.filter(\.isASCII).map { UInt8(truncatingIfNeeded: $0.value) }
    let basicCount = output.count
    if basicCount > 0 { output.append(UInt8(ascii: "-")) }
    var handledCount = basicCount
    var codePoint = initialCodePoint
    var delta = 0
    var bias = initialBias
    while let next = scalars.lazy.map(\.value).filter({ $0 >= codePoint }).min() {
      delta += Int(next - codePoint) * (handledCount + 1)
      codePoint = next
      for scalar in scalars {
        if scalar.value < codePoint { delta += 1 }
        guard scalar.value == codePoint else { continue }
        append(delta, bias: bias, to: &output)
        bias = adapted(
          delta: delta, pointCount: handledCount + 1, isFirst: handledCount == basicCount)
        delta = 0
        handledCount += 1
      }
      delta += 1
      codePoint += 1
    }
    return output
  }

  /// A number with digits whose weights depend on the bias (section 3.3).
  private static func append(_ number: Int, bias: Int, to output: inout [UInt8]) {
    var rest = number
    var position = base
    while true {
      let threshold = min(max(position - bias, thresholdMin), thresholdMax)
      guard rest >= threshold else { break }
      output.append(digit(threshold + (rest - threshold) % (base - threshold)))
      rest = (rest - threshold) / (base - threshold)
      position += base
    }
    output.append(digit(rest))
  }

  /// Section 6.1.
  private static func adapted(delta: Int, pointCount: Int, isFirst: Bool) -> Int {
    var delta = isFirst ? delta / damp : delta / 2
    delta += delta / pointCount
    var bias = 0
    while delta > (base - thresholdMin) * thresholdMax / 2 {
      delta /= base - thresholdMin
      bias += base
    }
    return bias + (base - thresholdMin + 1) * delta / (delta + skew)
  }

  /// `a` to `z` are 0 to 25, `0` to `9` are 26 to 35.
  private static func digit(_ value: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: value < 26 ? 97 + value : 22 + value)
  }
}
