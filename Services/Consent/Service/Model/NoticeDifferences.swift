package import ConsentAPI

/// What differs between two versions of a notice.
///
/// A difference is material where somebody who agreed to the older version did not agree to what
/// the newer one says: another controller or jurisdiction, more purposes, kinds of data or
/// recipients, another legal basis or retention, an answer that covers more. Other words for the
/// same, another way of taking back, and less of anything are not.
package enum NoticeDifferences {
  /// The differences, in the order of the notice's fields.
  package static func between(_ old: Notice, _ new: Notice) -> [NoticeDifference] {
    var differences: [NoticeDifference] = []
    func compare(_ field: String, _ before: String, _ after: String, isMaterial: Bool) {
      guard before != after else { return }
      differences.append(
        NoticeDifference(field: field, before: before, after: after, isMaterial: isMaterial))
    }
    compare("controller", old.controller, new.controller, isMaterial: true)
    compare("jurisdiction", old.jurisdiction, new.jurisdiction, isMaterial: true)
    differences += purposes(old.purposes, new.purposes)
    differences += lists("PII category", old.piiCategories, new.piiCategories)
    differences += lists("recipient", old.recipients, new.recipients)
    compare("retention", old.retention, new.retention, isMaterial: true)
    compare("withdrawal method", old.withdrawalMethod, new.withdrawalMethod, isMaterial: false)
    differences += texts(old.texts, new.texts)
    return differences
  }

  /// Whether a person who agreed to the purposes `granted` under the older version would have to be
  /// asked again.
  package static func concern(
    _ differences: [NoticeDifference], granted: some Sequence<String>
  ) -> Bool {
    let granted = Set(granted)
    return differences.contains { difference in
      difference.isMaterial && (difference.purpose.isEmpty || granted.contains(difference.purpose))
    }
  }

  private static func purposes(
    _ old: [NoticePurpose], _ new: [NoticePurpose]
  ) -> [NoticeDifference] {
    var differences: [NoticeDifference] = []
    for before in old where !new.contains(where: { $0.purpose == before.purpose }) {
      differences.append(
        NoticeDifference(field: "purpose", before: before.purpose, purpose: before.purpose))
    }
    for after in new {
      guard let before = old.first(where: { $0.purpose == after.purpose }) else {
        // Everybody who agreed would have to be asked for it, so it concerns no purpose alone.
        differences.append(
          NoticeDifference(field: "purpose", after: after.purpose, isMaterial: true))
        continue
      }
      func compare(_ field: String, _ before: String, _ now: String, isMaterial: Bool) {
        guard before != now else { return }
        differences.append(
          NoticeDifference(
            field: "purpose \(after.purpose): \(field)", before: before, after: now,
            isMaterial: isMaterial, purpose: after.purpose))
      }
      compare(
        "legal basis", before.legalBasis.name, after.legalBasis.name, isMaterial: true)
      compare(
        "covers the purposes below", before.coversChildren ? "yes" : "no",
        after.coversChildren ? "yes" : "no", isMaterial: after.coversChildren)
      compare("retention", before.retention, after.retention, isMaterial: true)
    }
    return differences
  }

  private static func lists(
    _ field: String, _ old: [String], _ new: [String]
  ) -> [NoticeDifference] {
    old.filter { !new.contains($0) }.map { NoticeDifference(field: field, before: $0) }
      + new.filter { !old.contains($0) }.map {
        NoticeDifference(field: field, after: $0, isMaterial: true)
      }
  }

  private static func texts(_ old: [NoticeText], _ new: [NoticeText]) -> [NoticeDifference] {
    let languages = (old + new).map(\.language).reduce(into: [String]()) { languages, language in
      if !languages.contains(language) { languages.append(language) }
    }
    return languages.compactMap { language in
      let before = old.first { $0.language == language }
      let after = new.first { $0.language == language }
      guard before?.text != after?.text else { return nil }
      return NoticeDifference(
        field: "text in \(language)", before: before?.text ?? "", after: after?.text ?? "")
    }
  }
}

extension LegalBasis {
  /// Its name in words.
  package var name: String {
    switch self {
    case .consent: "consent"
    case .contract: "contract"
    case .legalObligation: "legal obligation"
    case .vitalInterests: "vital interests"
    case .publicTask: "public task"
    case .legitimateInterests: "legitimate interests"
    case .explicitConsent: "explicit consent"
    case .unspecified: "not said"
    case .unrecognized: "unknown"
    }
  }
}
