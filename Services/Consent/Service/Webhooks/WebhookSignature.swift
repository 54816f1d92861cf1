package import Cryptography
package import PrivacyCore

/// The signature of what is sent to a system outside:
///
///     Tacit-Signature: t=1768048496,v1=5257a869e7…
///
/// `v1` is HMAC-SHA256, in hexadecimal, over the seconds since the epoch, a dot and the body. The
/// time is signed too, so that a recorded message cannot be played again later.
package enum WebhookSignature {
  /// The header's name.
  package static let header = "Tacit-Signature"

  /// The header's value for `body`.
  package static func value(
    of body: [UInt8], at now: Timestamp, key: HMACKey
  ) throws(CryptographyError) -> String {
    let seconds = now.microseconds / 1_000_000
    let code = try key.authenticate(Array("\(seconds).".utf8) + body)
    return "t=\(seconds),v1=\(Hexadecimal.encode(code))"
  }

  /// Whether `value` is the signature of `body`, made at most `toleranceSeconds` before or after
  /// `now`: what a receiver does.
  package static func verify(
    _ value: String, of body: [UInt8], at now: Timestamp, toleranceSeconds: Int64 = 300,
    key: HMACKey
  ) throws(CryptographyError) -> Bool {
    let parts = value.split(separator: ",").map { $0.split(separator: "=", maxSplits: 1) }
    guard parts.count == 2, parts.allSatisfy({ $0.count == 2 }), parts[0][0] == "t",
      let seconds = Int64(parts[0][1]), seconds >= 0, parts[1][0] == "v1",
      let code = Hexadecimal.decode(String(parts[1][1]))
    else { return false }
    let age = (now.microseconds / 1_000_000).subtractingReportingOverflow(seconds)
    guard !age.overflow, age.partialValue.magnitude <= UInt64(toleranceSeconds) else {
      return false
    }
    return try key.verify(code, of: Array("\(seconds).".utf8) + body)
  }
}
