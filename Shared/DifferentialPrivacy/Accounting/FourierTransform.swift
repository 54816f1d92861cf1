internal import Glibc

/// The discrete Fourier transform of a power-of-two length, for convolutions only: the spectrum
/// stays in bit-reversed order, where products and powers do not care.
struct FourierTransform {
  let count: Int
  /// For each half length h, a power of two: exp(-i pi j / h) for j in 0..<h, from index h on.
  private let cosines: [Double]
  private let sines: [Double]

  init(count: Int) {
    precondition(count >= 2 && count & (count - 1) == 0, "the length must be a power of two")
    self.count = count
    let half = count / 2
    var cosines = [Double](repeating: 1, count: count)
    var sines = [Double](repeating: 0, count: count)
    // Angles as sums of a coarse and a fine one: two short tables of exact values.
    let fineCount = min(half, 256)
    let fine = (0..<fineCount).map { Self.unitRoot($0, half) }
    for coarseIndex in 0..<(half / fineCount) {
      let coarse = Self.unitRoot(coarseIndex * fineCount, half)
      for fineIndex in 0..<fineCount {
        let index = half + coarseIndex * fineCount + fineIndex
        cosines[index] = coarse.cosine * fine[fineIndex].cosine - coarse.sine * fine[fineIndex].sine
        sines[index] = coarse.cosine * fine[fineIndex].sine + coarse.sine * fine[fineIndex].cosine
      }
    }
    var length = half / 2
    while length >= 1 {
      for index in 0..<length {
        cosines[length + index] = cosines[2 * length + 2 * index]
        sines[length + index] = sines[2 * length + 2 * index]
      }
      length /= 2
    }
    self.cosines = cosines
    self.sines = sines
  }

  private static func unitRoot(_ index: Int, _ half: Int) -> (cosine: Double, sine: Double) {
    let angle = -Double.pi * Double(index) / Double(half)
    return (cos(angle), sin(angle))
  }

  /// Natural order to bit-reversed spectrum, in place (decimation in frequency, two levels of
  /// halving a pass).
  func forward(_ real: inout [Double], _ imaginary: inout [Double]) {
    withPointers(&real, &imaginary) { real, imaginary, cosines, sines in
      var half = count / 2
      if count.trailingZeroBitCount & 1 == 1 {
        for index in 0..<half {
          let difference = Complex(real, imaginary, index) - Complex(real, imaginary, index + half)
          (Complex(real, imaginary, index) + Complex(real, imaginary, index + half))
            .store(real, imaginary, index)
          (difference * Complex(cosines, sines, half + index)).store(real, imaginary, index + half)
        }
        half /= 2
      }
      while half >= 2 {
        let quarter = half / 2
        for start in stride(from: 0, to: count, by: 2 * half) {
          if quarter >= 4 {
            for index in stride(from: 0, to: quarter, by: 4) {
              Self.split(
                Complex4.self, real, imaginary, cosines, sines, start: start, index: index,
                quarter: quarter)
            }
          } else {
            for index in 0..<quarter {
              Self.split(
                Complex.self, real, imaginary, cosines, sines, start: start, index: index,
                quarter: quarter)
            }
          }
        }
        half /= 4
      }
    }
  }

  /// Bit-reversed spectrum to natural order, times `count`, in place: `forward` backwards.
  func inverse(_ real: inout [Double], _ imaginary: inout [Double]) {
    withPointers(&real, &imaginary) { real, imaginary, cosines, sines in
      var quarter = 1
      while 4 * quarter <= count {
        for start in stride(from: 0, to: count, by: 4 * quarter) {
          if quarter >= 4 {
            for index in stride(from: 0, to: quarter, by: 4) {
              Self.join(
                Complex4.self, real, imaginary, cosines, sines, start: start, index: index,
                quarter: quarter)
            }
          } else {
            for index in 0..<quarter {
              Self.join(
                Complex.self, real, imaginary, cosines, sines, start: start, index: index,
                quarter: quarter)
            }
          }
        }
        quarter *= 4
      }
      if 2 * quarter == count {
        for index in 0..<quarter {
          let low = Complex(real, imaginary, index)
          let high =
            Complex(real, imaginary, index + quarter)
            * Complex(cosines, sines, quarter + index).conjugate
          (low + high).store(real, imaginary, index)
          (low - high).store(real, imaginary, index + quarter)
        }
      }
    }
  }

  @inline(__always)
  private static func split<Number: ComplexLanes>(
    _: Number.Type, _ real: UnsafeMutablePointer<Double>,
    _ imaginary: UnsafeMutablePointer<Double>, _ cosines: UnsafePointer<Double>,
    _ sines: UnsafePointer<Double>, start: Int, index: Int, quarter: Int
  ) {
    let first = start + index
    let w = Number(cosines, sines, 2 * quarter + index)
    let v = Number(cosines, sines, quarter + index)
    let a0 = Number(real, imaginary, first)
    let a1 = Number(real, imaginary, first + quarter)
    let a2 = Number(real, imaginary, first + 2 * quarter)
    let a3 = Number(real, imaginary, first + 3 * quarter)
    let b0 = a0 + a2
    let b1 = a1 + a3
    let b2 = a0 - a2
    let b3 = (a1 - a3).turnedBack
    (b0 + b1).store(real, imaginary, first)
    ((b0 - b1) * v).store(real, imaginary, first + quarter)
    ((b2 + b3) * w).store(real, imaginary, first + 2 * quarter)
    ((b2 - b3) * (w * v)).store(real, imaginary, first + 3 * quarter)
  }

  @inline(__always)
  private static func join<Number: ComplexLanes>(
    _: Number.Type, _ real: UnsafeMutablePointer<Double>,
    _ imaginary: UnsafeMutablePointer<Double>, _ cosines: UnsafePointer<Double>,
    _ sines: UnsafePointer<Double>, start: Int, index: Int, quarter: Int
  ) {
    let first = start + index
    let w = Number(cosines, sines, 2 * quarter + index).conjugate
    let v = Number(cosines, sines, quarter + index).conjugate
    let c0 = Number(real, imaginary, first)
    let c1 = Number(real, imaginary, first + quarter) * v
    let c2 = Number(real, imaginary, first + 2 * quarter) * w
    let c3 = Number(real, imaginary, first + 3 * quarter) * (w * v)
    let b0 = c0 + c1
    let b1 = c0 - c1
    let b2 = c2 + c3
    let b3 = (c3 - c2).turnedBack
    (b0 + b2).store(real, imaginary, first)
    (b1 + b3).store(real, imaginary, first + quarter)
    (b0 - b2).store(real, imaginary, first + 2 * quarter)
    (b1 - b3).store(real, imaginary, first + 3 * quarter)
  }

  private func withPointers(
    _ real: inout [Double], _ imaginary: inout [Double],
    _ body: (
      UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>, UnsafePointer<Double>,
      UnsafePointer<Double>
    ) -> Void
  ) {
    precondition(real.count == count && imaginary.count == count, "lengths differ")
    real.withUnsafeMutableBufferPointer { real in
      imaginary.withUnsafeMutableBufferPointer { imaginary in
        cosines.withUnsafeBufferPointer { cosines in
          sines.withUnsafeBufferPointer { sines in
            // All four are as long as the transform, which is never empty.
            if let real = real.baseAddress, let imaginary = imaginary.baseAddress,
              let cosines = cosines.baseAddress, let sines = sines.baseAddress
            {
              body(real, imaginary, cosines, sines)
            }
          }
        }
      }
    }
  }
}
