package import PrivacyCore

/// A consent id in 16 bytes: the 128 bits of its ULID.
package struct CompactConsentID: Hashable, Sendable {
  private let high: UInt64
  private let low: UInt64

  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

  private static let values: [UInt8] = {
    var table = [UInt8](repeating: 0xFF, count: 256)
    for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
    return table
  }()

  /// The id with this text, or `nil` where it is not `c_` and a ULID.
  package init?(text: String) {
    var high: UInt64 = 0
    var low: UInt64 = 0
    var position = 0
    for character in text.utf8 {
      switch position {
      case 0: guard character == UInt8(ascii: "c") else { return nil }
      case 1: guard character == UInt8(ascii: "_") else { return nil }
      default:
        let value = Self.values[Int(character)]
        // 26 characters hold 130 bits, so the first may only be 0 to 7.
        guard value != 0xFF, position > 2 || value < 8 else { return nil }
        high = high << 5 | low >> 59
        low = low << 5 | UInt64(value)
      }
      position += 1
    }
    guard position == 28 else { return nil }
    self.high = high
    self.low = low
  }

  /// The id in this form.
  package init(_ id: ConsentID) {
    guard let compact = CompactConsentID(text: id.description) else {
      preconditionFailure("a consent id is always c_ and a ULID")
    }
    self = compact
  }

  init(words: (UInt32, UInt32, UInt32, UInt32)) {
    high = UInt64(words.0) << 32 | UInt64(words.1)
    low = UInt64(words.2) << 32 | UInt64(words.3)
  }

  /// The 128 bits in four parts, the highest first.
  var words: (UInt32, UInt32, UInt32, UInt32) {
    (
      UInt32(truncatingIfNeeded: high >> 32), UInt32(truncatingIfNeeded: high),
      UInt32(truncatingIfNeeded: low >> 32), UInt32(truncatingIfNeeded: low)
    )
  }

  /// `c_` and the ULID.
  package var text: String {
    var characters = [UInt8](repeating: 0, count: 28)
    characters[0] = UInt8(ascii: "c")
    characters[1] = UInt8(ascii: "_")
    var (high, low) = (high, low)
    for index in stride(from: 27, through: 2, by: -1) {
      characters[index] = Self.alphabet[Int(low & 31)]
      low = low >> 5 | high << 59
      high >>= 5
    }
    return String(decoding: characters, as: UTF8.self)
  }

  /// The id in its usual type.
  package var consentID: ConsentID {
    guard let id = ConsentID(text: text) else {
      preconditionFailure("the text of 128 bits is always a ULID")
    }
    return id
  }
}
