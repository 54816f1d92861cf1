/// Which purpose is a part of which.
package struct PurposeTree: Hashable, Sendable {
  private let parents: [String: String]

  /// No purpose is deeper below the first.
  package static let depthMax = 8

  /// The tree of these purposes with their parents. Circles must have been refused before.
  package init(parents: [String: String] = [:]) { self.parents = parents }

  /// The purpose above `purpose`, if any.
  package func parent(of purpose: String) -> String? { parents[purpose] }

  /// The purposes above `purpose`, nearest first.
  package func ancestors(of purpose: String) -> [String] {
    var ancestors: [String] = []
    var current = purpose
    while let parent = parents[current], ancestors.count < Self.depthMax {
      ancestors.append(parent)
      current = parent
    }
    return ancestors
  }

  /// The purposes below `purpose`, by name.
  package func descendants(of purpose: String) -> [String] {
    parents.keys.filter { ancestors(of: $0).contains(purpose) }.sorted()
  }
}
