/// `expand_message_xmd` with SHA-256: RFC 9380, section 5.3.1.
package enum MessageExpansion {
  /// The most bytes that it gives: 255 digests.
  package static let byteCountMax = 255 * Digest.sha256ByteCount
  /// The most bytes of a tag; longer ones would be hashed first.
  package static let tagByteCountMax = 255

  private static let blockByteCount = 64

  /// As good as random bytes for each message, and unrelated ones under another tag.
  package static func expand(
    _ message: [UInt8], tag: [UInt8], byteCount: Int
  ) throws(CryptographyError) -> [UInt8] {
    precondition((1...byteCountMax).contains(byteCount), "1 to 255 digests can be made")
    precondition((1...tagByteCountMax).contains(tag.count), "a tag has 1 to 255 bytes")
    let suffix = tag + [UInt8(tag.count)]
    let head = [UInt8](repeating: 0, count: blockByteCount) + message
    let length = ObliviousPRF.twoBytes(byteCount) + [0]
    let first = try Digest.sha256(head + length + suffix)
    var block = [UInt8](repeating: 0, count: first.count)
    var bytes: [UInt8] = []
    let digestCount = (byteCount + Digest.sha256ByteCount - 1) / Digest.sha256ByteCount
    for number in 1...digestCount {
      block = try Digest.sha256(
        zip(first, block).map { $0 ^ $1 } + [UInt8(truncatingIfNeeded: number)] + suffix)
      bytes += block
    }
    return Array(bytes.prefix(byteCount))
  }
}
