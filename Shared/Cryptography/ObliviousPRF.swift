internal import CurveArithmetic

/// The oblivious pseudorandom function VOPRF(P-256, SHA-256) of RFC 9497, mode 0x01: a client gets
/// the function's value for an input which the server does not see, under a key which the client
/// does not learn, with a proof that the key was the published one.
///
/// The client blinds (``ObliviousBatch``), the server evaluates (``ObliviousKey``), the client
/// verifies and takes the blind away. What is here is the wire form and what both sides compute.
public enum ObliviousPRF {
  /// The bytes of a blinded or an evaluated element: a compressed point of P-256.
  public static let elementByteCount = 33
  /// The bytes of a proof: two numbers.
  public static let proofByteCount = 64
  /// The bytes of the function's value.
  public static let outputByteCount = 32
  /// The most bytes of an input (section 1.1: its length is two bytes).
  public static let inputByteCountMax = 0xFFFF
  /// The most elements that one proof covers; the RFC's index has two bytes.
  public static let batchCountMax = 4_096

  /// "OPRFV1-" || mode || "-" || identifier (section 3.1).
  private static let context = Array("OPRFV1-".utf8) + [1] + Array("-P256-SHA256".utf8)

  // MARK: - Hashes

  /// The point of an input (section 4.3). `nil` for the neutral point, which nobody finds.
  static func element(of input: [UInt8]) throws(CryptographyError) -> CurvePoint? {
    guard input.count <= inputByteCountMax else {
      throw .tooLong(byteCount: input.count, byteCountMax: inputByteCountMax)
    }
    let tag = Array("HashToGroup-".utf8) + context
    return CurvePoint(
      uniform: try MessageExpansion.expand(
        input, tag: tag, byteCount: CurvePoint.uniformByteCount))
  }

  /// A number modulo the order of the group (section 4.3).
  static func scalar(
    of input: [UInt8], tag: String = "HashToScalar-"
  ) throws(CryptographyError) -> CurveScalar {
    // 48 bytes: 16 more than the order has, so that the remainder is as good as uniform.
    try CurveScalar(
      reducing: MessageExpansion.expand(input, tag: Array(tag.utf8) + context, byteCount: 48))
  }

  /// The value: a digest of the input and of its point times the key (section 3.3.1).
  static func output(
    of input: [UInt8], element: CurvePoint
  ) throws(CryptographyError) -> [UInt8] {
    try Digest.sha256(framed(input) + framed(element.compressed) + Array("Finalize".utf8))
  }

  // MARK: - Proofs

  /// The weights with which a batch becomes one pair of points (section 2.2.1), 32 bytes each.
  static func weights(
    key: [UInt8], blinded: [[UInt8]], evaluated: [[UInt8]]
  ) throws(CryptographyError) -> [[UInt8]] {
    let seed = try Digest.sha256(framed(key) + framed(Array("Seed-".utf8) + context))
    var weights: [[UInt8]] = []
    weights.reserveCapacity(blinded.count)
    for index in blinded.indices {
      let transcript =
        framed(seed) + twoBytes(index) + framed(blinded[index]) + framed(evaluated[index])
        + Array("Composite".utf8)
      weights.append(try scalar(of: transcript).bytes)
    }
    return weights
  }

  /// The number that the proof of these points must answer (section 2.2.1).
  static func challenge(
    key: [UInt8], _ points: CurvePoint...
  ) throws(CryptographyError) -> CurveScalar {
    var transcript = framed(key)
    for point in points { transcript += framed(point.compressed) }
    return try scalar(of: transcript + Array("Challenge".utf8))
  }

  private static func framed(_ bytes: [UInt8]) -> [UInt8] { twoBytes(bytes.count) + bytes }

  /// I2OSP(number, 2).
  static func twoBytes(_ number: Int) -> [UInt8] {
    [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
  }
}
