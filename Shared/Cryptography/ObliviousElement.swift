internal import CurveArithmetic

/// A blinded or an evaluated element of the oblivious function, checked: a point of P-256 other
/// than the neutral one.
public struct ObliviousElement: Equatable, Sendable {
  let point: CurvePoint
  /// The 33 bytes that are sent.
  public let bytes: [UInt8]

  init(_ point: CurvePoint) {
    self.point = point
    bytes = point.compressed
  }

  /// The element that 33 bytes give. About 6 µs.
  ///
  /// - Throws: `malformedPoint` for every other length or form (uncompressed, hybrid, the neutral
  ///   point), an x that is not reduced, and an x that no point of the curve has.
  public init(bytes: [UInt8]) throws(CryptographyError) {
    guard let point = CurvePoint(compressed: bytes) else { throw .malformedPoint }
    self.point = point
    self.bytes = bytes
  }
}
