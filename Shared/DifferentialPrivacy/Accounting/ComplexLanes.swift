/// Complex numbers side by side, read from and written to split arrays.
protocol ComplexLanes {
  init(_ real: UnsafePointer<Double>, _ imaginary: UnsafePointer<Double>, _ index: Int)
  func store(
    _ real: UnsafeMutablePointer<Double>, _ imaginary: UnsafeMutablePointer<Double>, _ index: Int)
  static func + (left: Self, right: Self) -> Self
  static func - (left: Self, right: Self) -> Self
  static func * (left: Self, right: Self) -> Self
  var conjugate: Self { get }
  /// Times -i.
  var turnedBack: Self { get }
}

/// One complex number.
struct Complex: ComplexLanes {
  var real: Double
  var imaginary: Double
}

/// Four complex numbers.
struct Complex4: ComplexLanes {
  var real: SIMD4<Double>
  var imaginary: SIMD4<Double>
}

extension Complex {
  @inline(__always)
  init(_ real: UnsafePointer<Double>, _ imaginary: UnsafePointer<Double>, _ index: Int) {
    self.init(real: real[index], imaginary: imaginary[index])
  }

  @inline(__always)
  func store(
    _ real: UnsafeMutablePointer<Double>, _ imaginary: UnsafeMutablePointer<Double>, _ index: Int
  ) {
    real[index] = self.real
    imaginary[index] = self.imaginary
  }

  @inline(__always)
  static func + (left: Self, right: Self) -> Self {
    Self(real: left.real + right.real, imaginary: left.imaginary + right.imaginary)
  }

  @inline(__always)
  static func - (left: Self, right: Self) -> Self {
    Self(real: left.real - right.real, imaginary: left.imaginary - right.imaginary)
  }

  @inline(__always)
  static func * (left: Self, right: Self) -> Self {
    Self(
      real: left.real * right.real - left.imaginary * right.imaginary,
      imaginary: left.real * right.imaginary + left.imaginary * right.real)
  }

  @inline(__always)
  var conjugate: Self { Self(real: real, imaginary: -imaginary) }

  @inline(__always)
  var turnedBack: Self { Self(real: imaginary, imaginary: -real) }
}

extension Complex4 {
  @inline(__always)
  init(_ real: UnsafePointer<Double>, _ imaginary: UnsafePointer<Double>, _ index: Int) {
    self.init(
      real: UnsafeRawPointer(real + index).loadUnaligned(as: SIMD4<Double>.self),
      imaginary: UnsafeRawPointer(imaginary + index).loadUnaligned(as: SIMD4<Double>.self))
  }

  @inline(__always)
  func store(
    _ real: UnsafeMutablePointer<Double>, _ imaginary: UnsafeMutablePointer<Double>, _ index: Int
  ) {
    UnsafeMutableRawPointer(real + index).storeBytes(of: self.real, as: SIMD4<Double>.self)
    UnsafeMutableRawPointer(imaginary + index)
      .storeBytes(of: self.imaginary, as: SIMD4<Double>.self)
  }

  @inline(__always)
  static func + (left: Self, right: Self) -> Self {
    Self(real: left.real + right.real, imaginary: left.imaginary + right.imaginary)
  }

  @inline(__always)
  static func - (left: Self, right: Self) -> Self {
    Self(real: left.real - right.real, imaginary: left.imaginary - right.imaginary)
  }

  @inline(__always)
  static func * (left: Self, right: Self) -> Self {
    Self(
      real: left.real * right.real - left.imaginary * right.imaginary,
      imaginary: left.real * right.imaginary + left.imaginary * right.real)
  }

  @inline(__always)
  var conjugate: Self { Self(real: real, imaginary: -imaginary) }

  @inline(__always)
  var turnedBack: Self { Self(real: imaginary, imaginary: -real) }
}
