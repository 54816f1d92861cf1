internal import ConsentAPI
internal import Cryptography
internal import PrivacyCore

/// One change as a system outside gets it.
struct WebhookMessage: Sendable {
  let body: [UInt8]
  private let sequence: UInt64

  /// The message of `receipt`: its position, when it was recorded, and its JSON form.
  init(_ receipt: Receipt) {
    sequence = receipt.sequence
    let recordedAt = Timestamp(microseconds: receipt.recordedAtUs)
    body = Array(
      """
      {"sequence":\(receipt.sequence),"recorded_at":"\(recordedAt)",\
      "receipt":\(ReceiptJSON.line(receipt))}
      """.utf8)
  }

  /// The headers of one attempt.
  func headers(
    of webhook: String, at now: Timestamp, key: HMACKey
  ) throws(CryptographyError) -> [(name: String, value: String)] {
    [
      ("Content-Type", "application/json"),
      ("User-Agent", "tacit-consent"),
      ("Tacit-Webhook", webhook),
      // A change may come twice: the position says so.
      ("Tacit-Sequence", "\(sequence)"),
      (WebhookSignature.header, try WebhookSignature.value(of: body, at: now, key: key)),
    ]
  }
}
