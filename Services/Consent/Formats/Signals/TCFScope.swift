package import PrivacyCore

/// The purposes and special features of the IAB TCF that one scope stands for. As text
/// `marketing=2+3+4` or `personalization_geo=1+sf1`.
package struct TCFScope: Hashable, Sendable, CustomStringConvertible {
  package let scope: Scope
  /// 1...11.
  package let purposes: Set<Int>
  /// 1...2.
  package let specialFeatures: Set<Int>

  /// A scope that stands for these; with none of either TC strings would say nothing of it.
  package init(scope: Scope, purposes: Set<Int>, specialFeatures: Set<Int> = []) {
    self.scope = scope
    self.purposes = purposes
    self.specialFeatures = specialFeatures
  }

  /// Reads the text form; `nil` for any other text, also for a purpose that the framework has not.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "=", omittingEmptySubsequences: false)
    guard parts.count == 2, let scope = Scope(String(parts[0])) else { return nil }
    var purposes: Set<Int> = []
    var features: Set<Int> = []
    for word in parts[1].split(separator: "+", omittingEmptySubsequences: false) {
      if word.hasPrefix("sf") {
        guard let feature = Int(word.dropFirst(2)),
          TCFDecision.specialFeatures.contains(feature)
        else { return nil }
        features.insert(feature)
      } else {
        guard let purpose = Int(word), TCFDecision.purposes.contains(purpose) else { return nil }
        purposes.insert(purpose)
      }
    }
    self.init(scope: scope, purposes: purposes, specialFeatures: features)
  }

  package var description: String {
    let words = purposes.sorted().map(String.init) + specialFeatures.sorted().map { "sf\($0)" }
    return "\(scope)=" + words.joined(separator: "+")
  }
}
