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

  /// Natural order to bit-reversed spectrum, in place (decimation in frequency).
  func forward(_ real: inout [Double], _ imaginary: inout [Double]) {
    withPointers(&real, &imaginary) { real, imaginary, cosines, sines in
      var half = count / 2
      while half >= 1 {
        for start in stride(from: 0, to: count, by: 2 * half) {
          for index in 0..<half {
            let low = start + index
            let high = low + half
            let differenceReal = real[low] - real[high]
            let differenceImaginary = imaginary[low] - imaginary[high]
            real[low] += real[high]
            imaginary[low] += imaginary[high]
            let c = cosines[half + index]
            let s = sines[half + index]
            real[high] = differenceReal * c - differenceImaginary * s
            imaginary[high] = differenceReal * s + differenceImaginary * c
          }
        }
        half /= 2
      }
    }
  }

  /// Bit-reversed spectrum to natural order, times `count`, in place (decimation in time).
  func inverse(_ real: inout [Double], _ imaginary: inout [Double]) {
    withPointers(&real, &imaginary) { real, imaginary, cosines, sines in
      var half = 1
      while half < count {
        for start in stride(from: 0, to: count, by: 2 * half) {
          for index in 0..<half {
            let low = start + index
            let high = low + half
            let c = cosines[half + index]
            let s = -sines[half + index]
            let turnedReal = real[high] * c - imaginary[high] * s
            let turnedImaginary = real[high] * s + imaginary[high] * c
            real[high] = real[low] - turnedReal
            imaginary[high] = imaginary[low] - turnedImaginary
            real[low] += turnedReal
            imaginary[low] += turnedImaginary
          }
        }
        half *= 2
      }
    }
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
