internal import Glibc

/// A spectrum in whatever order the transform leaves it.
struct Spectrum {
  var real: [Double]
  var imaginary: [Double]

  static func one(count: Int) -> Spectrum {
    Spectrum(
      real: [Double](repeating: 1, count: count), imaginary: [Double](repeating: 0, count: count))
  }

  /// Multiplies by another spectrum's power. What falls below e^-80 becomes 0.
  mutating func multiply(by other: inout Spectrum, toThePower power: Double) {
    let threshold = exp(-160 / power)
    for index in real.indices {
      let x = other.real[index]
      let y = other.imaginary[index]
      let squares = x * x + y * y
      guard squares > threshold else {
        real[index] = 0
        imaginary[index] = 0
        continue
      }
      let magnitude = exp(0.5 * power * log(squares))
      let angle = power * atan2(y, x)
      let c = magnitude * cos(angle)
      let s = magnitude * sin(angle)
      let oldReal = real[index]
      real[index] = oldReal * c - imaginary[index] * s
      imaginary[index] = oldReal * s + imaginary[index] * c
    }
  }
}
