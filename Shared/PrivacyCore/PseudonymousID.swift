/// A person without a name: the 32 bytes of HMAC-SHA256 over a canonical identifier, under a key
/// that only the identity vault holds.
///
/// Outside the vault this is the only way to say who is meant. Its text is base64url without
/// padding, 43 characters.
public struct PseudonymousID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Big-endian, so that comparing the words compares the bytes.
  package let words: (UInt64, UInt64, UInt64, UInt64)

  /// The number of raw bytes.
  public static let byteCount = 32

  /// The pid of 32 raw bytes, or `nil` for any other number of bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    func word(_ start: Int) -> UInt64 {
      var word: UInt64 = 0
      for index in start..<start + 8 { word = word << 8 | UInt64(bytes[index]) }
      return word
    }
    words = (word(0), word(8), word(16), word(24))
  }

  /// The pid of its bytes as four big-endian words.
  package init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

  /// The same for bytes in any other form.
  public init?(bytes: some Collection<UInt8>) { self.init(bytes: Array(bytes)) }

  /// The pid whose text is `text`, with or without the prefix `hmac:sha256:`.
  public init?(text: some StringProtocol) { self.init(text: String(text)) }

  /// The same for a `String`: what reading a file of receipts does for each of them.
  public init?(text: String) {
    var text = text
    guard let words = text.withUTF8(Self.words) else { return nil }
    self.words = words
  }

  /// What the text says; `nil` for anything but 43 characters of base64url whose last two bits are
  /// 0, with or without the prefix.
  private static func words(
    _ text: UnsafeBufferPointer<UInt8>
  ) -> (UInt64, UInt64, UInt64, UInt64)? {
    var body = text[...]
    if body.count == seedPrefixBytes.count + 43 {
      guard body.prefix(seedPrefixBytes.count).elementsEqual(seedPrefixBytes) else { return nil }
      body = body.dropFirst(seedPrefixBytes.count)
    }
    guard body.count == 43 else { return nil }
    let values = Base64URL.values
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    var accumulator: UInt64 = 0
    var bitCount = 0
    for character in body {
      let value = values[Int(character)]
      guard value != 0xFF else { return nil }
      accumulator = accumulator << 6 | UInt64(value)
      bitCount += 6
      guard bitCount >= 8 else { continue }
      bitCount -= 8
      // One byte further: the first of the 32 ends up in front of the first word.
      words.0 = words.0 << 8 | words.1 >> 56
      words.1 = words.1 << 8 | words.2 >> 56
      words.2 = words.2 << 8 | words.3 >> 56
      words.3 = words.3 << 8 | accumulator >> UInt64(bitCount) & 0xFF
    }
    return accumulator & 0b11 == 0 ? words : nil
  }

  /// The 32 raw bytes: how a pid is stored and sent.
  public var bytes: [UInt8] {
    // An array of zeros first: one that is not initialised costs a look-up of its type at runtime.
    var bytes = [UInt8](repeating: 0, count: Self.byteCount)
    bytes.withUnsafeMutableBytes { buffer in
      buffer.storeBytes(of: words.0.bigEndian, toByteOffset: 0, as: UInt64.self)
      buffer.storeBytes(of: words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
      buffer.storeBytes(of: words.2.bigEndian, toByteOffset: 16, as: UInt64.self)
      buffer.storeBytes(of: words.3.bigEndian, toByteOffset: 24, as: UInt64.self)
    }
    return bytes
  }

  /// Base64url without padding.
  public var description: String { Base64URL.encode(bytes) }

  /// The form receipts carry it in: `hmac:sha256:` and the text.
  public var seedForm: String { Self.seedPrefix + description }

  private static let seedPrefix = "hmac:sha256:"
  private static let seedPrefixBytes = Array(seedPrefix.utf8)

  public static func == (left: Self, right: Self) -> Bool { left.words == right.words }

  public static func < (left: Self, right: Self) -> Bool { left.words < right.words }

  /// Pids are uniformly distributed already: one word is as good a hash as all four.
  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
