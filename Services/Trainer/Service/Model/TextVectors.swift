internal import Foundation

/// Vectors of the catalogue's texts, without any learned model and without personal data: hashed
/// TF-IDF of words and of the four-character windows in them.
///
/// Words are runs of a-z and 0-9 in the lower-case text; one longer than three characters loses a
/// final s. Each word counts 1, each window of "^word$" 0.5, times ln((1 + N) / (1 + df)).
package struct TextVectors: Sendable {
  /// The number of dimensions.
  package static let dimension = 512

  private static let wordWeight = 1.0
  private static let windowWeight = 0.5

  private let texts: [String]
  private let textCountByToken: [String: Int]

  /// The vectors of `texts`. Reads all of them to learn how frequent each token is.
  package init(of texts: [String]) {
    self.texts = texts
    var counts: [String: Int] = [:]
    for text in texts {
      for token in Self.tokens(of: text).keys { counts[token, default: 0] += 1 }
    }
    textCountByToken = counts
  }

  /// The vector of one text, of norm 1; all zeros for a text without words, and for one whose words
  /// are in every text and so tell nothing.
  package subscript(index: Int) -> [Float] {
    var vector = [Double](repeating: 0, count: Self.dimension)
    // Sorted, so that sums of floating-point numbers come out the same everywhere.
    for (token, weight) in Self.tokens(of: texts[index]).sorted(by: { $0.key < $1.key }) {
      let hash = Self.hash(token)
      let sign: Double = hash >> 40 & 1 == 1 ? 1 : -1
      let rarity = log(Double(1 + texts.count) / Double(1 + textCountByToken[token, default: 0]))
      vector[Int(hash % UInt64(Self.dimension))] += sign * weight * rarity
    }
    let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return vector.map { Float($0 / max(norm, 1e-9)) }
  }

  /// The tokens of a text, each once, with their weights: "w" and a word, "g" and a window.
  static func tokens(of text: String) -> [String: Double] {
    var tokens: [String: Double] = [:]
    for var word in words(of: text.lowercased()) {
      if word.count > 3, word.last == UInt8(ascii: "s") { word.removeLast() }
      tokens["w" + String(decoding: word, as: UTF8.self)] = wordWeight
      let framed = [UInt8(ascii: "^")] + word + [UInt8(ascii: "$")]
      for start in 0..<max(0, framed.count - 3) {
        let window = framed[start..<start + 4]
        tokens["g" + String(decoding: window, as: UTF8.self)] = windowWeight
      }
    }
    return tokens
  }

  private static func words(of text: String) -> [[UInt8]] {
    text.utf8.split { character in
      switch character {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): false
      default: true
      }
    }.map(Array.init)
  }

  /// FNV-1a with 64 bits, then half of the finaliser of MurmurHash3, which spreads the low bits.
  static func hash(_ token: String) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in token.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash ^= hash >> 33
    hash = hash &* 0xFF51_AFD7_ED55_8CCD
    return hash ^ hash >> 33
  }
}
