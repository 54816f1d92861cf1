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

  /// The same for a `String`, at the speed of one.
  public init?(text: String) { self.init(text: text[...]) }

  /// The pid whose text is `text`, with or without the prefix `hmac:sha256:`.
  public init?(text: some StringProtocol) {
    let body = text.hasPrefix(Self.seedPrefix) ? text.dropFirst(Self.seedPrefix.count) : text[...]
    guard let bytes = Base64URL.decode(body) else { return nil }
    self.init(bytes: bytes)
  }

  /// The 32 raw bytes: how a pid is stored and sent.
  public var bytes: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
      for (place, word) in [words.0, words.1, words.2, words.3].enumerated() {
        for index in 0..<8 {
          buffer[place * 8 + index] = UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * index))
        }
      }
      count = Self.byteCount
    }
  }

  /// Base64url without padding.
  public var description: String { Base64URL.encode(bytes) }

  /// The form receipts carry it in: `hmac:sha256:` and the text.
  public var seedForm: String { Self.seedPrefix + description }

  private static let seedPrefix = "hmac:sha256:"

  public static func == (left: Self, right: Self) -> Bool { left.words == right.words }

  public static func < (left: Self, right: Self) -> Bool { left.words < right.words }

  /// Pids are uniformly distributed already: one word is as good a hash as all four.
  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
