internal import Foundation
internal import IdentityVaultService
internal import ServiceKit
internal import VaultAPI

/// Identifiers that a command line gives, or that it wants read from standard input.
struct IdentifierInput {
  /// Stands on a command line for a value on standard input.
  static let standardInput = "-"

  /// The identifier with this value; for `-` with the next line of standard input.
  static func identifier(
    _ kind: IdentifierKind, _ value: String, qualifier: String?
  ) throws -> Identifier {
    Identifier(
      kind: kind, value: try value == standardInput ? line(kind) : value,
      qualifier: qualifier ?? "")
  }

  private static func line(_ kind: IdentifierKind) throws -> String {
    if isatty(STDIN_FILENO) == 1 {
      FileHandle.standardError.write(Data("\(kind.text): ".utf8))
    }
    guard let line = readLine(strippingNewline: true) else {
      throw CommandFailure("standard input ended before the \(kind.text)")
    }
    return line
  }

  /// Why this one must not be sent, or `nil`: what is too long for the wire would fail the whole
  /// call, and what was not UTF-8 has been repaired, so that two people could become one.
  static func refusal(of identifier: Identifier) -> String? {
    let text = (identifier.value + identifier.qualifier).unicodeScalars
    if text.contains("\u{FFFD}") { return "the identifier is not UTF-8" }
    if text.contains("\0") { return IdentifierRefusal.invisibleCharacter.description }
    if identifier.value.utf8.count > CanonicalIdentifier.inputByteCountMax {
      return IdentifierRefusal.inputTooLong.description
    }
    if identifier.qualifier.utf8.count > CanonicalIdentifier.qualifierByteCountMax {
      return IdentifierRefusal.qualifierTooLong.description
    }
    return nil
  }
}

extension IdentifierKind {
  /// The kind in words.
  var text: String {
    switch self {
    case .email: "e-mail address"
    case .phone: "phone number"
    case .customerNumber: "customer number"
    case .unspecified, .unrecognized: "unknown"
    }
  }

  /// The kind as flags and JSON lines write it.
  var name: String {
    switch self {
    case .email: "email"
    case .phone: "phone"
    case .customerNumber: "customer-number"
    case .unspecified, .unrecognized: "unknown"
    }
  }

  /// The kind with this name.
  init?(name: String) {
    guard let kind = Self.named.first(where: { $0.name == name }) else { return nil }
    self = kind
  }

  /// Those that have a name.
  static let named: [IdentifierKind] = [.email, .phone, .customerNumber]
}
