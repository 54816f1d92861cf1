package import CommonAPI
package import Cryptography
internal import PrivacyCore

/// Makes and judges consistency tokens: a position of the consent log that a caller may bring to a
/// read, so that the read is never answered from before it.
package struct ConsentTokens: Sendable {
  /// The epoch of the log: another one for another history of it.
  package let epoch: UInt64
  /// The secret of the key, as it is told to gates.
  package let secret: [UInt8]
  private let key: PositionKey

  /// The tokens of the log with this epoch.
  package init(epoch: UInt64, secret: borrowing SecretBytes) throws(CryptographyError) {
    self.epoch = epoch
    self.secret = secret.withUnsafeBytes { Array($0) }
    key = try PositionKey(secret: secret)
  }

  /// The token of `position`.
  package func token(_ position: UInt64) throws(CryptographyError) -> ConsentToken {
    ConsentToken(
      epoch: epoch, sequence: position, mac: try key.code(epoch: epoch, position: position))
  }

  /// The position that `token` stands for; 0 for none.
  ///
  /// - Throws: `tokenOfOtherEpoch`, `forgedToken`.
  package func position(of token: ConsentToken?) throws -> UInt64 {
    guard let token else { return 0 }
    guard token.epoch == epoch else { throw ReceiptRefusal.tokenOfOtherEpoch }
    guard try key.verify(token.mac, epoch: epoch, position: token.sequence) else {
      throw ReceiptRefusal.forgedToken
    }
    return token.sequence
  }
}
