internal import ConsentAPI
internal import PrivacyCore

extension ConsentCatalog {
  /// The most bytes of a notice in all.
  package static let noticeByteCountMax = 262_144

  /// Refuses a purpose that cannot be.
  func check(_ purpose: Purpose) throws(ReceiptRefusal) {
    guard NameRule.accepts(purpose.id) else { throw .malformedScope }
    guard !purpose.texts.isEmpty else { throw .malformedPurpose("it has no text") }
    try Self.check(languages: purpose.texts.map(\.language))
    for text in purpose.texts where text.title.isEmpty || text.text.isEmpty {
      throw .malformedPurpose("a title or a text is empty")
    }
    guard knownScopes.contains(purpose.id) || knownScopes.count < ReceiptRules.scopeCountMax else {
      throw .tooManyScopes(limit: ReceiptRules.scopeCountMax)
    }
    guard !purpose.parent.isEmpty else { return }
    guard knownScopes.contains(purpose.parent) else {
      throw .malformedPurpose("the purpose above it is not known")
    }
    let above = [purpose.parent] + tree.ancestors(of: purpose.parent)
    guard !above.contains(purpose.id) else {
      throw .malformedPurpose("it would be a part of itself")
    }
    guard above.count + depth(below: purpose.id) <= PurposeTree.depthMax else {
      throw .malformedPurpose("it would stand more than \(PurposeTree.depthMax) levels deep")
    }
  }

  private func depth(below purpose: String) -> Int {
    tree.descendants(of: purpose)
      .map { (tree.ancestors(of: $0).firstIndex(of: purpose) ?? 0) + 1 }.max() ?? 0
  }

  /// Refuses a notice that cannot be.
  func check(_ notice: Notice) throws(ReceiptRefusal) {
    guard NameRule.accepts(notice.id) else {
      throw .malformedNotice("its id is no name: a lower-case letter, then a-z 0-9 _ - .")
    }
    guard !notice.controller.isEmpty else { throw .malformedNotice("it names no controller") }
    guard !notice.withdrawalMethod.isEmpty else {
      throw .malformedNotice("it does not say how consent is taken back")
    }
    guard !notice.purposes.isEmpty else { throw .malformedNotice("it asks for no purpose") }
    for (index, purpose) in notice.purposes.enumerated() {
      guard knownScopes.contains(purpose.purpose) else {
        throw NameRule.accepts(purpose.purpose)
          ? .unknownScope(purpose.purpose, known: knownScopes) : .malformedScope
      }
      guard !notice.purposes[..<index].contains(where: { $0.purpose == purpose.purpose }) else {
        throw .scopeNamedTwice(purpose.purpose)
      }
      guard purpose.legalBasis != .unspecified, !purpose.legalBasis.isUnrecognized else {
        throw .malformedNotice("the purpose \(purpose.purpose) has no legal basis")
      }
      try Self.check(retention: purpose.retention)
    }
    guard !notice.texts.isEmpty else { throw .malformedNotice("it has no text") }
    try Self.check(languages: notice.texts.map(\.language))
    for text in notice.texts where text.text.isEmpty {
      throw .malformedNotice("a text is empty")
    }
    try Self.check(retention: notice.retention)
    guard notice.roughByteCount <= Self.noticeByteCountMax else {
      throw .malformedNotice("it has more than \(Self.noticeByteCountMax) bytes")
    }
  }

  /// Refuses what is no tag of BCP 47 in form, or stands there twice.
  private static func check(languages: [String]) throws(ReceiptRefusal) {
    for (index, language) in languages.enumerated() {
      guard LanguageTag.accepts(language) else { throw .malformedLanguage }
      guard !languages[..<index].contains(where: { LanguageTag.matches($0, language) }) else {
        throw .malformedNotice("the language \(language) stands there twice")
      }
    }
  }

  /// Refuses what is no ISO 8601 duration; empty passes.
  static func check(retention: String) throws(ReceiptRefusal) {
    guard retention.isEmpty || Duration8601.accepts(retention) else { throw .malformedRetention }
  }
}

extension LegalBasis {
  fileprivate var isUnrecognized: Bool { if case .unrecognized = self { true } else { false } }
}

extension Notice {
  fileprivate var roughByteCount: Int {
    texts.reduce(0) { $0 + $1.text.utf8.count + 80 } + recipients.reduce(0) { $0 + $1.utf8.count }
      + piiCategories.reduce(0) { $0 + $1.utf8.count } + purposes.count * 140
  }
}

/// Tags of languages (BCP 47), as far as their form goes: `de`, `de-CH`, `zh-Hant-TW`.
package enum LanguageTag {
  /// Whether `tag` has the form of a tag: parts of 1 to 8 letters or digits, the first of 2 to 8
  /// letters.
  package static func accepts(_ tag: String) -> Bool {
    guard tag.utf8.count <= 35 else { return false }
    let parts = tag.split(separator: "-", omittingEmptySubsequences: false)
    guard let first = parts.first, (2...8).contains(first.utf8.count),
      first.utf8.allSatisfy({ isLetter($0) })
    else { return false }
    return parts.allSatisfy { part in
      (1...8).contains(part.utf8.count)
        && part.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
    }
  }

  /// Whether two tags are the same: case does not count (RFC 5646, 2.1.1).
  package static func matches(_ left: String, _ right: String) -> Bool {
    left.lowercased() == right.lowercased()
  }

  /// The best of `offered` for `wanted` by lookup (RFC 4647, 3.4): parts are cut off at the end
  /// until something fits; else the first that is offered.
  package static func best(of offered: [String], for wanted: String) -> String? {
    var range = wanted.split(separator: "-").map(String.init)
    while !range.isEmpty {
      let text = range.joined(separator: "-")
      if let found = offered.first(where: { matches($0, text) }) { return found }
      range.removeLast()
      // A part of one letter introduces what is behind it, so it goes with it.
      if range.last?.utf8.count == 1 { range.removeLast() }
    }
    return offered.first
  }

  private static func isLetter(_ character: UInt8) -> Bool {
    (0x41...0x5A).contains(character) || (0x61...0x7A).contains(character)
  }
}

/// Durations of ISO 8601 with whole numbers: `P2Y`, `P1Y6M`, `PT12H`.
package enum Duration8601 {
  /// Whether `text` is one.
  package static func accepts(_ text: String) -> Bool {
    var rest = Substring(text)
    guard rest.popFirst() == "P" else { return false }
    var designators = ["Y", "M", "W", "D", "T"][...]
    var isInTime = false
    var partCount = 0
    while let first = rest.first {
      if first == "T", !isInTime {
        rest.removeFirst()
        isInTime = true
        designators = ["H", "M", "S"]
        guard !rest.isEmpty else { return false }
        continue
      }
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard !digits.isEmpty, digits.count <= 9 else { return false }
      rest.removeFirst(digits.count)
      guard let designator = rest.popFirst(),
        let index = designators.firstIndex(of: String(designator)), designator != "T"
      else { return false }
      designators = designators[(index + 1)...]
      partCount += 1
    }
    return partCount > 0
  }
}
