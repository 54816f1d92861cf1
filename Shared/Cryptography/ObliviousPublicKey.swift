internal import CurveArithmetic

/// The public key of the oblivious function: whoever trusts it knows that a proof spoke of this
/// key and no other.
public struct ObliviousPublicKey: Equatable, Sendable {
  private let point: CurvePoint
  /// The 33 bytes of the key: a compressed point.
  public let bytes: [UInt8]

  init(_ point: CurvePoint) {
    self.point = point
    bytes = point.compressed
  }

  /// The key with these 33 bytes.
  ///
  /// - Throws: `malformedPoint` for what is no point of P-256.
  public init(bytes: [UInt8]) throws(CryptographyError) {
    guard let point = CurvePoint(compressed: bytes) else { throw .malformedPoint }
    self.point = point
    self.bytes = bytes
  }

  static func requireBatch(_ count: Int, _ other: Int) throws(CryptographyError) {
    guard (1...ObliviousPRF.batchCountMax).contains(count), count == other else {
      throw .parameterOutOfRange(
        "a proof covers 1 to \(ObliviousPRF.batchCountMax) elements, not \(count) and \(other)")
    }
  }

  /// Whether the proof says that `evaluated` is `blinded` under this key: `VerifyProof` (RFC 9497,
  /// section 2.2.2). A malformed proof is none. About 40 µs an element.
  public func verifies(
    _ proof: [UInt8], blinded: [ObliviousElement], evaluated: [ObliviousElement]
  ) throws(CryptographyError) -> Bool {
    try Self.requireBatch(blinded.count, evaluated.count)
    guard proof.count == ObliviousPRF.proofByteCount else { return false }
    let challenge = Array(proof.prefix(CurveScalar.byteCount))
    let answer = Array(proof.suffix(CurveScalar.byteCount))
    guard try CurveScalar(canonical: challenge) != nil,
      let factor = try CurveScalar(canonical: answer)
    else { return false }
    let weights = try ObliviousPRF.weights(
      key: bytes, blinded: blinded.map(\.bytes), evaluated: evaluated.map(\.bytes))
    guard let sum = CurvePoint.publicSum(of: blinded.map(\.point), weights: weights),
      let image = CurvePoint.publicSum(of: evaluated.map(\.point), weights: weights)
    else { return false }
    let one = [UInt8](repeating: 0, count: CurvePoint.weightByteCount - 1) + [1]
    guard !factor.isZero,
      let first = CurvePoint.publicSum(
        of: [try factor.timesGenerator(), point], weights: [one, challenge]),
      let second = CurvePoint.publicSum(of: [sum, image], weights: [answer, challenge])
    else { return false }
    return try ObliviousPRF.challenge(key: bytes, sum, image, first, second).bytes == challenge
  }
}
