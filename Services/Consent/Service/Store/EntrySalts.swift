internal import PrivacyCore
internal import TransparencyLog

/// The salts of the receipts of one entry: asked for all at once, which is many times faster.
struct EntrySalts: Sendable {
  private let bytes: [UInt8]

  init(count: Int, _ random: any RandomSource) {
    bytes = random.bytes(count: count * SaltedCommitment.saltByteCount)
  }

  subscript(index: Int) -> [UInt8] {
    let start = index * SaltedCommitment.saltByteCount
    return Array(bytes[start..<start + SaltedCommitment.saltByteCount])
  }
}
