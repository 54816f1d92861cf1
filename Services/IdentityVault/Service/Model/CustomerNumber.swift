internal import PrivacyCore

/// Canonical customer numbers (`customer-number/v1`): unique within their source system only.
package enum CustomerNumber {
  /// The most characters.
  package static let characterCountMax = 64

  /// `text` without spaces at its ends, ASCII letters in upper case. Leading zeros stay: whether
  /// they mean something only the source system knows.
  package static func canonical(_ text: String) throws(IdentifierRefusal) -> [UInt8] {
    let trimmed = UnicodeText.trimmed(text)
    guard !trimmed.isEmpty else { throw .empty }
    guard trimmed.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
      throw .customerNumberCharacter
    }
    guard trimmed.utf8.count <= characterCountMax else { throw .customerNumberTooLong }
    return trimmed.utf8.map { $0 &- 0x61 < 26 ? $0 & 0xDF : $0 }
  }

  /// The source system's name, in lower case: a name by `NameRule`.
  package static func canonicalSource(_ qualifier: String) throws(IdentifierRefusal) -> String {
    let name = UnicodeText.trimmed(qualifier)
    guard name.utf8.allSatisfy({ $0 < 0x80 }) else { throw .customerNumberSource }
    let source = name.lowercased()
    guard NameRule.accepts(source) else { throw .customerNumberSource }
    return source
  }
}
