internal import COpenSSL
internal import CurveArithmetic
internal import PrivacyCore

/// A number modulo the order of P-256, overwritten when it goes.
@safe struct CurveScalar: ~Copyable, @unchecked Sendable {
  // Sendable: the number is not changed after init.
  private let number: OpaquePointer

  /// The bytes of a number, most significant first.
  static let byteCount = 32

  // OpenSSL never changes the group, so every thread may use it at once.
  nonisolated(unsafe) private static let group = unsafe EC_GROUP_new_by_curve_name(
    NID_X9_62_prime256v1)

  private static func withGroup<Result>(
    _ body: (_ group: OpaquePointer, _ order: OpaquePointer) throws(CryptographyError) -> Result
  ) throws(CryptographyError) -> Result {
    guard let group = unsafe group, let order = unsafe EC_GROUP_get0_order(group) else {
      throw .openSSL("EC_GROUP_new_by_curve_name")
    }
    return try unsafe body(group, order)
  }

  /// A number, zero still, that `fill` sets.
  private init(
    filledBy fill: (OpaquePointer) throws(CryptographyError) -> Void
  ) throws(CryptographyError) {
    guard let made = unsafe BN_new() else { throw .openSSL("BN_new") }
    // Calculations with it take a time that does not depend on it, where OpenSSL knows a way.
    unsafe BN_set_flags(made, BN_FLG_CONSTTIME)
    do throws(CryptographyError) {
      try unsafe fill(made)
    } catch {
      unsafe BN_clear_free(made)
      throw error
    }
    unsafe number = unsafe made
  }

  deinit { unsafe BN_clear_free(number) }

  // MARK: - Bytes

  /// The remainder of the number that `bytes` give, most significant first.
  init(reducing bytes: [UInt8]) throws(CryptographyError) {
    try unsafe self.init { number throws(CryptographyError) in
      try unsafe CurveScalar.withGroup { _, order throws(CryptographyError) in
        try unsafe withWorkspace { workspace throws(CryptographyError) in
          guard unsafe BN_bin2bn(bytes, Int32(bytes.count), number) != nil else {
            throw .openSSL("BN_bin2bn")
          }
          try require(unsafe BN_nnmod(number, number, order, workspace), "BN_nnmod")
        }
      }
    }
  }

  /// The number that 32 bytes give; `nil` for the order and more.
  init?(canonical bytes: [UInt8]) throws(CryptographyError) {
    guard bytes.count == Self.byteCount else { return nil }
    let made = try CurveScalar(reducing: bytes)
    // Nothing but whether the number is reduced shows in the time this takes.
    guard try made.bytes == bytes else { return nil }
    self = made
  }

  /// A uniformly random number other than zero: 32 bytes again and again until they are less than
  /// the order, which they are but for one time in 2^32.
  init(random: any RandomSource) throws(CryptographyError) {
    while true {
      var bytes = random.bytes(count: Self.byteCount)
      defer { unsafe OPENSSL_cleanse(&bytes, bytes.count) }
      if let made = try CurveScalar(canonical: bytes), !made.isZero {
        self = made
        return
      }
    }
  }

  /// The 32 bytes of the number.
  var bytes: [UInt8] {
    get throws(CryptographyError) {
      var bytes = [UInt8](repeating: 0, count: Self.byteCount)
      guard unsafe BN_bn2binpad(number, &bytes, Int32(bytes.count)) == Int32(bytes.count) else {
        throw .openSSL("BN_bn2binpad")
      }
      return bytes
    }
  }

  var isZero: Bool { unsafe BN_is_zero(number) == 1 }

  // MARK: - Arithmetic

  /// 1 / self.
  func inverse() throws(CryptographyError) -> CurveScalar {
    let number = unsafe number
    return try unsafe CurveScalar { result throws(CryptographyError) in
      try unsafe CurveScalar.withGroup { _, order throws(CryptographyError) in
        try unsafe withWorkspace { workspace throws(CryptographyError) in
          guard unsafe BN_mod_inverse(result, number, order, workspace) != nil else {
            throw .openSSL("BN_mod_inverse")
          }
        }
      }
    }
  }

  /// self - factor * other.
  func subtracting(
    _ factor: borrowing CurveScalar, times other: borrowing CurveScalar
  ) throws(CryptographyError) -> CurveScalar {
    let (number, factor, other) = unsafe (number, factor.number, other.number)
    return try unsafe CurveScalar { result throws(CryptographyError) in
      try unsafe CurveScalar.withGroup { _, order throws(CryptographyError) in
        try unsafe withWorkspace { workspace throws(CryptographyError) in
          try require(
            unsafe BN_mod_mul(result, factor, other, order, workspace), "BN_mod_mul")
          try require(
            unsafe BN_mod_sub(result, number, result, order, workspace), "BN_mod_sub")
        }
      }
    }
  }

  /// The curve's generator so many times. Takes the same time for each number.
  func timesGenerator() throws(CryptographyError) -> CurvePoint {
    let number = unsafe number
    return try unsafe Self.withGroup { group, _ throws(CryptographyError) in
      try unsafe withWorkspace { workspace throws(CryptographyError) in
        try unsafe withPoint(of: group) { point throws(CryptographyError) in
          try require(
            unsafe EC_POINT_mul(group, point, number, nil, nil, workspace), "EC_POINT_mul")
          return try unsafe coordinates(of: point, in: group, workspace)
        }
      }
    }
  }

  /// Each of `points` so many times, in their order. Takes the same time for each number: 60 µs a
  /// point, of which OpenSSL's multiplication is the most.
  func times(_ points: some Sequence<CurvePoint>) throws(CryptographyError) -> [CurvePoint] {
    let number = unsafe number
    return try unsafe Self.withGroup { group, _ throws(CryptographyError) in
      try unsafe withWorkspace { workspace throws(CryptographyError) in
        try unsafe withPoint(of: group) { point throws(CryptographyError) in
          var products: [CurvePoint] = []
          products.reserveCapacity(points.underestimatedCount)
          for factor in points {
            // Uncompressed, as SEC 1, section 2.3.4, has it.
            let bytes = [4] + factor.coordinates
            try require(
              unsafe EC_POINT_oct2point(group, point, bytes, bytes.count, workspace),
              "EC_POINT_oct2point")
            try require(
              unsafe EC_POINT_mul(group, point, nil, point, number, workspace), "EC_POINT_mul")
            products.append(try unsafe coordinates(of: point, in: group, workspace))
          }
          return products
        }
      }
    }
  }
}

// MARK: - OpenSSL's objects

private func withWorkspace<Result: ~Copyable>(
  _ body: (OpaquePointer) throws(CryptographyError) -> Result
) throws(CryptographyError) -> Result {
  guard let workspace = unsafe BN_CTX_new() else { throw .openSSL("BN_CTX_new") }
  defer { unsafe BN_CTX_free(workspace) }
  return try unsafe body(workspace)
}

private func withPoint<Result>(
  of group: OpaquePointer, _ body: (OpaquePointer) throws(CryptographyError) -> Result
) throws(CryptographyError) -> Result {
  guard let point = unsafe EC_POINT_new(group) else { throw .openSSL("EC_POINT_new") }
  defer { unsafe EC_POINT_clear_free(point) }
  return try unsafe body(point)
}

private func coordinates(
  of point: OpaquePointer, in group: OpaquePointer, _ workspace: OpaquePointer
) throws(CryptographyError) -> CurvePoint {
  var bytes = [UInt8](repeating: 0, count: 1 + CurvePoint.coordinatesByteCount)
  let byteCount = unsafe EC_POINT_point2oct(
    group, point, POINT_CONVERSION_UNCOMPRESSED, &bytes, bytes.count, workspace)
  guard byteCount == bytes.count, let point = CurvePoint(coordinates: Array(bytes.dropFirst()))
  else { throw .openSSL("EC_POINT_point2oct") }
  return point
}
