internal import Cryptography
package import WireFormat

/// A request that its caller gave a name to: who asked what under which name, and for what.
package struct RequestIdentity: Hashable, Sendable {
  /// SHA-256 of caller, method and name: what the caller wrote is not kept.
  let key: [UInt8]
  /// SHA-256 of the request without the name.
  let body: [UInt8]

  /// The most bytes of a name.
  package static let nameByteCountMax = 64

  /// The identity of `request`, or `nil` where `name` is empty and nothing is promised.
  ///
  /// - Parameter request: the request without its name.
  package init?(
    _ name: String, of request: some WireMessage, method: String, by principal: String
  ) throws {
    guard !name.isEmpty else { return nil }
    guard name.utf8.count <= Self.nameByteCountMax,
      name.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { throw ReceiptRefusal.malformedRequestKey }
    // None of the three holds a zero byte, so that no other three give the same text.
    key = try Digest.sha256(Array([principal, method, name].joined(separator: "\0").utf8))
    body = try Digest.sha256(request.packed())
  }
}
