package import ConsentAPI
internal import Cryptography

extension ReceiptStatement {
  /// What the log is to say of `receipt`, after which the person's packed state was `state`.
  ///
  /// - Parameter hash: that of the packed receipt, where it is at hand.
  package init(_ receipt: Receipt, hash: [UInt8]? = nil, state: [UInt8]) throws {
    self.init(
      pid: receipt.pid, sequence: receipt.sequence, personSequence: receipt.personSequence,
      recordedAtUs: receipt.recordedAtUs,
      receiptHash: try hash ?? Digest.sha256(receipt.packed()),
      stateHash: try Digest.sha256(state), previousHash: receipt.previousHash)
  }
}
