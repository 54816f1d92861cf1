internal import PrivacyCore

/// A feature, as requests name it: `view:feature`.
package struct FeatureReference: Hashable, Sendable {
  package let view: FeatureView
  package let feature: Feature

  /// As asked.
  package var name: String { "\(view.name):\(feature.name)" }
}

extension ViewCatalog {
  /// The features that `names` ask for, in that order; `view:*` stands for all of a view.
  package func resolve(_ names: [String]) throws(ViewConflict) -> [FeatureReference] {
    guard !names.isEmpty else { throw ViewConflict(reason: "no features asked for") }
    var references: [FeatureReference] = []
    for name in names {
      let parts = name.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw ViewConflict(reason: "a feature is asked for as view:feature, or view:* for all")
      }
      guard let view = views[String(parts[0])] else {
        throw ViewConflict(reason: "there is no view \(Self.quoted(parts[0]))")
      }
      if parts[1] == "*" {
        references += view.features.map { FeatureReference(view: view, feature: $0) }
      } else if let feature = view.feature(String(parts[1])) {
        references.append(FeatureReference(view: view, feature: feature))
      } else {
        throw ViewConflict(reason: "view \(view.name) has no feature \(Self.quoted(parts[1]))")
      }
      guard references.count <= FeatureLimits.featureCountMax else {
        throw ViewConflict(reason: "more than \(FeatureLimits.featureCountMax) features asked for")
      }
    }
    return references
  }

  /// Text from outside comes back only where it is a name: an identifier never does.
  private static func quoted(_ text: Substring) -> String {
    NameRule.accepts(text) ? "\"\(text)\"" : "of that name"
  }
}
