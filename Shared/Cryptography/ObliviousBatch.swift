internal import COpenSSL
internal import CurveArithmetic
public import PrivacyCore

/// The client's side of the oblivious function: inputs, each hidden by a random number of its own
/// that never leaves this object.
public final class ObliviousBatch: Sendable {
  private let inputs: [[UInt8]]
  private let blinds: Blinds

  /// What is sent to the server, in the order of the inputs. Without the blinds nobody can tell
  /// which inputs these are, whoever has the key.
  public let blinded: [ObliviousElement]

  // A class because an array can not hold what can not be copied.
  private final class Blinds: Sendable {
    let bytes: SecretBytes
    init(_ bytes: consuming SecretBytes) { self.bytes = bytes }

    func blind(_ index: Int) throws(CryptographyError) -> CurveScalar {
      let start = index * CurveScalar.byteCount
      return try unsafe bytes.withUnsafeBytes { bytes throws(CryptographyError) in
        unsafe try CurveScalar(
          reducing: [UInt8](bytes[start..<(start + CurveScalar.byteCount)]))
      }
    }
  }

  /// Hides up to ``ObliviousPRF/batchCountMax`` inputs of up to 65,535 bytes: `Blind` (RFC 9497,
  /// section 3.3.1). About 80 µs an input.
  public init(_ inputs: [[UInt8]], random: any RandomSource) throws(CryptographyError) {
    try ObliviousPublicKey.requireBatch(inputs.count, inputs.count)
    var blinded: [ObliviousElement] = []
    blinded.reserveCapacity(inputs.count)
    blinds = Blinds(
      try unsafe SecretBytes(byteCount: inputs.count * CurveScalar.byteCount) {
        storage throws(CryptographyError) in
        for (index, input) in inputs.enumerated() {
          let blind = try CurveScalar(random: random)
          guard let element = try ObliviousPRF.element(of: input),
            let product = try blind.times([element]).first
          else { throw .malformedPoint }
          blinded.append(ObliviousElement(product))
          var bytes = try blind.bytes
          let start = index * CurveScalar.byteCount
          unsafe UnsafeMutableRawBufferPointer(
            rebasing: storage[start..<(start + bytes.count)]
          ).copyBytes(from: bytes)
          unsafe OPENSSL_cleanse(&bytes, bytes.count)
        }
      })
    self.inputs = inputs
    self.blinded = blinded
  }

  /// The function's values, 32 bytes each, in the order of the inputs: `Finalize` (RFC 9497,
  /// section 3.3.2). About 100 µs an input, the proof included.
  ///
  /// - Parameter publicKey: the key that the server is known to have, from elsewhere than this
  ///   answer.
  /// - Throws: `notAuthentic` where the proof does not hold: nothing of the answer may be used.
  public func finalize(
    _ evaluated: [ObliviousElement], proof: [UInt8], publicKey: ObliviousPublicKey
  ) throws(CryptographyError) -> [[UInt8]] {
    guard evaluated.count == blinded.count,
      try publicKey.verifies(proof, blinded: blinded, evaluated: evaluated)
    else { throw .notAuthentic }
    var outputs: [[UInt8]] = []
    outputs.reserveCapacity(inputs.count)
    for (index, input) in inputs.enumerated() {
      let inverse = try blinds.blind(index).inverse()
      guard let element = try inverse.times([evaluated[index].point]).first else {
        throw .malformedPoint
      }
      outputs.append(try ObliviousPRF.output(of: input, element: element))
    }
    return outputs
  }
}
