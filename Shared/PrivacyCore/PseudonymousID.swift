/// A person without a name: the 32 bytes of HMAC-SHA256 over a canonical identifier, under a key
/// that only the identity vault holds.
///
/// Outside the vault this is the only way to say who is meant. Its text is base64url without
/// padding, 43 characters.
public struct PseudonymousID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Big-endian, so that comparing the words compares the bytes.
  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// The number of raw bytes.
  public static let byteCount = 32

  /// The pid of 32 raw bytes, or `nil` for any other number of bytes.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    for (index, byte) in bytes.enumerated() {
      switch index >> 3 {
      case 0: words.0 = words.0 << 8 | UInt64(byte)
      case 1: words.1 = words.1 << 8 | UInt64(byte)
      case 2: words.2 = words.2 << 8 | UInt64(byte)
      default: words.3 = words.3 << 8 | UInt64(byte)
      }
    }
    self.words = words
  }

  /// The pid whose text is `text`, with or without the prefix `hmac:sha256:`.
  public init?(text: some StringProtocol) {
    let body = text.hasPrefix(Self.seedPrefix) ? text.dropFirst(Self.seedPrefix.count) : text[...]
    guard let bytes = Base64URL.decode(body) else { return nil }
    self.init(bytes: bytes)
  }

  /// The 32 raw bytes: how a pid is stored and sent.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount)
    for word in [words.0, words.1, words.2, words.3] {
      for shift in stride(from: UInt64(56), through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> shift))
      }
    }
    return bytes
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
