public import ArgumentParser
public import CommonAPI
internal import PrivacyCore

/// Consistency tokens as people hand them on: `ct1.` and base64url.
public enum TokenText {
  private static let prefix = "ct1."
  private static let codeByteCount = 16

  /// The text of `token`.
  public static func text(_ token: ConsentToken) -> String {
    prefix + Base64URL.encode(bytes(token.epoch) + bytes(token.sequence) + token.mac)
  }

  /// Reads a text that `text(_:)` gave.
  public static func read(_ text: String) throws -> ConsentToken {
    guard text.hasPrefix(prefix), let bytes = Base64URL.decode(text.dropFirst(prefix.count)),
      bytes.count == 16 + codeByteCount
    else { throw ValidationError("a consistency token begins with ct1.; a write prints one") }
    return ConsentToken(
      epoch: number(bytes[0..<8]), sequence: number(bytes[8..<16]), mac: Array(bytes[16...]))
  }

  private static func bytes(_ number: UInt64) -> [UInt8] {
    stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> UInt64($0)) }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// From which position on a read must know the consent log.
public struct TokenOption: ParsableArguments, Sendable {
  @Option(
    name: .customLong("at-least"),
    help: ArgumentHelp(
      "A token that a write printed: the answer must know what was written.",
      valueName: "token"),
    transform: TokenText.read)
  public var token: ConsentToken?

  public init() {}
}
