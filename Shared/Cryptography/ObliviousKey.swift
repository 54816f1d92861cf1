internal import CurveArithmetic
public import PrivacyCore

/// The server's key of the oblivious function. Any thread may use it at any time.
public final class ObliviousKey: Sendable {
  /// The fewest bytes of a seed.
  public static let seedByteCountMin = 32

  private let secret: CurveScalar

  /// What clients verify proofs with.
  public let publicKey: ObliviousPublicKey

  /// The key that a secret seed and public `info` give: `DeriveKeyPair` (RFC 9497, section 3.2.1).
  public init(seed: borrowing SecretBytes, info: [UInt8]) throws(CryptographyError) {
    guard seed.byteCount >= Self.seedByteCountMin else {
      throw .keyByteCount(expected: Self.seedByteCountMin, actual: seed.byteCount)
    }
    guard info.count <= ObliviousPRF.inputByteCountMax else {
      throw .tooLong(byteCount: info.count, byteCountMax: ObliviousPRF.inputByteCountMax)
    }
    let input =
      unsafe seed.withUnsafeBytes { unsafe [UInt8]($0) } + ObliviousPRF.twoBytes(info.count) + info
    var counter: UInt8 = 0
    while true {
      let secret = try ObliviousPRF.scalar(of: input + [counter], tag: "DeriveKeyPair")
      if !secret.isZero {
        publicKey = ObliviousPublicKey(try secret.timesGenerator())
        self.secret = secret
        return
      }
      guard counter < .max else { throw .parameterOutOfRange("no key comes of this seed") }
      counter += 1
    }
  }

  /// Each element under the key, in order: about 60 µs an element. The proof is apart, so that a
  /// caller can do a batch in parts.
  public func evaluate(
    _ blinded: some Sequence<ObliviousElement>
  ) throws(CryptographyError) -> [ObliviousElement] {
    try secret.times(blinded.map(\.point)).map(ObliviousElement.init)
  }

  /// The 64-byte proof that `evaluated` is `blinded` under this key: `GenerateProof` (RFC 9497,
  /// section 2.2.1). About 20 µs an element.
  public func prove(
    _ blinded: [ObliviousElement], evaluated: [ObliviousElement], random: any RandomSource
  ) throws(CryptographyError) -> [UInt8] {
    try ObliviousPublicKey.requireBatch(blinded.count, evaluated.count)
    let key = publicKey.bytes
    let weights = try ObliviousPRF.weights(
      key: key, blinded: blinded.map(\.bytes), evaluated: evaluated.map(\.bytes))
    guard let sum = CurvePoint.publicSum(of: blinded.map(\.point), weights: weights) else {
      throw .malformedPoint
    }
    let nonce = try CurveScalar(random: random)
    guard let image = try secret.times([sum]).first, let moved = try nonce.times([sum]).first
    else { throw .malformedPoint }
    let challenge = try ObliviousPRF.challenge(
      key: key, sum, image, try nonce.timesGenerator(), moved)
    let answer = try nonce.subtracting(challenge, times: secret)
    return try challenge.bytes + answer.bytes
  }

  /// The function's value for an input that this side may see: what a client gets for it. About
  /// 85 µs.
  public func output(of input: [UInt8]) throws(CryptographyError) -> [UInt8] {
    guard let element = try ObliviousPRF.element(of: input),
      let evaluated = try secret.times([element]).first
    else { throw .malformedPoint }
    return try ObliviousPRF.output(of: input, element: evaluated)
  }
}
