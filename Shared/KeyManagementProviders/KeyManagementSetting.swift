internal import Foundation
public import KeyManagement

/// Which key management service holds the root key, as one line of text:
/// `provider:place?option=value&option=value`.
///
///     file:var/stack/trust/kms/vault.json
///     aws-kms:arn:aws:kms:eu-central-1:111122223333:key/KEY?credentials-file=/run/secrets/aws
///
/// Values of options are percent-decoded. The text holds no secrets: those come from files and the
/// environment.
public struct KeyManagementSetting: Hashable, Sendable, CustomStringConvertible {
  /// The longest text, in bytes.
  public static let byteCountMax = 4_096

  /// The text as it was given.
  public let description: String
  /// The provider's kind: `file`, `aws-kms`.
  public let provider: String
  /// The root key's place, as the provider names it.
  public let place: String

  private let options: [String: String]

  /// Reads a setting.
  ///
  /// - Throws: ``KeyManagementError/setting(_:)`` for a text of another form.
  public init(_ text: String) throws(KeyManagementError) {
    guard text.utf8.count <= Self.byteCountMax else {
      throw .setting("a KMS setting has at most \(Self.byteCountMax) bytes")
    }
    guard let colon = text.firstIndex(of: ":"), colon > text.startIndex else {
      throw .setting(
        "a KMS setting is provider:place, like file:PATH or aws-kms:ARN, not \"\(text)\"")
    }
    description = text
    provider = String(text[..<colon])
    let rest = text[text.index(after: colon)...]
    let mark = rest.firstIndex(of: "?") ?? rest.endIndex
    place = String(rest[..<mark])
    guard !place.isEmpty else { throw .setting("\(provider): the place of the key is missing") }
    var options: [String: String] = [:]
    for pair in rest[mark...].dropFirst().split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty,
        let value = String(parts[1]).removingPercentEncoding
      else { throw .setting("\(provider): an option is name=value, not \"\(pair)\"") }
      guard options.updateValue(value, forKey: String(parts[0])) == nil else {
        throw .setting("\(provider): \(parts[0]) is given twice")
      }
    }
    self.options = options
  }

  /// The value of an option.
  subscript(option: String) -> String? { options[option] }

  /// Throws unless every option is one of `names`: a misspelt one must not be taken for none.
  func allow(_ names: String...) throws(KeyManagementError) {
    for name in options.keys.sorted() where !names.contains(name) {
      throw .setting(
        "\(provider) has no option \"\(name)\"; it has "
          + (names.isEmpty ? "none" : names.joined(separator: ", ")))
    }
  }

  /// The value of an option that must be there.
  func required(_ name: String) throws(KeyManagementError) -> String {
    guard let value = options[name] else { throw .setting("\(provider): \(name)=… is missing") }
    return value
  }
}
