internal import Cryptography
internal import Foundation
internal import KeyManagement

/// Where a token, a PIN or a passphrase comes from. Read at each use, so that a renewed one counts
/// from the next call on.
enum SecretSource: Sendable {
  /// A file of mode 0600 that holds nothing else; a line feed at its end is not part of it.
  case file(URL)
  /// The value itself, which a variable of the environment held at the start.
  case value(SharedSecret)

  /// The longest secret, in bytes.
  static let byteCountMax = 16_384

  /// The secret as text.
  ///
  /// - Throws: ``KeyManagementError/readableByOthers(path:mode:)`` and the others of a private
  ///   file; ``KeyManagementError/damaged(path:reason:)`` for one that is empty, too long or holds
  ///   anything but printable ASCII.
  func read() throws(KeyManagementError) -> String {
    switch self {
    case .value(let secret):
      return secret.text
    case .file(let url):
      let path = url.path(percentEncoded: false)
      var bytes = try PrivateFile.read(url)
      while bytes.last == UInt8(ascii: "\n") || bytes.last == UInt8(ascii: "\r") {
        bytes.removeLast()
      }
      guard (1...Self.byteCountMax).contains(bytes.count) else {
        throw .damaged(path: path, reason: "it holds no secret of 1 to \(Self.byteCountMax) bytes")
      }
      // A control character would end the header that it is sent in.
      guard bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else {
        throw .damaged(path: path, reason: "a secret is one line of printable ASCII")
      }
      return String(decoding: bytes, as: UTF8.self)
    }
  }
}

/// A secret that several owners hold: the same memory for all, zeroed when the last one goes.
final class SharedSecret: Sendable {
  private let secret: SecretBytes

  init(_ text: String) { secret = SecretBytes(copying: text.utf8) }

  var text: String { unsafe secret.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
}
