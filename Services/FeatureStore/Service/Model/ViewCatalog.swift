package import PrivacyCore

/// Why definitions were not applied.
package struct ViewConflict: Error, Equatable, Sendable {
  /// A sentence.
  package let reason: String
}

/// The views in force: a value that is replaced as a whole when definitions are applied.
package struct ViewCatalog: Sendable {
  /// By name.
  package let views: [String: FeatureView]
  /// What the views make of each event source, by its name.
  package let sources: [String: EventSource]

  package init(_ views: [FeatureView] = []) {
    self.views = Dictionary(views.map { ($0.name, $0) }, uniquingKeysWith: { _, last in last })
    var sources: [String: EventSource] = [:]
    for view in self.views.values.sorted(by: { $0.name < $1.name }) {
      guard let name = view.source else { continue }
      sources[name, default: EventSource()].add(view)
    }
    self.sources = sources
  }

  /// What became of definitions.
  package struct Change: Sendable {
    /// The views in force from now on.
    package var catalog: ViewCatalog
    /// New or changed, with their new version.
    package var applied: [FeatureView] = []
    /// The same as before.
    package var unchanged: [FeatureView] = []
  }

  /// The catalogue with `definitions` in force, all of them or none. A view that differs from the
  /// one in force gets the next version.
  package func applying(_ definitions: [FeatureView]) throws(ViewConflict) -> Change {
    var next = views
    var change = Change(catalog: self)
    for definition in definitions {
      guard var current = views[definition.name] else {
        next[definition.name] = definition
        change.applied.append(definition)
        continue
      }
      let version = current.version
      current.version = definition.version
      guard current != definition else {
        change.unchanged.append(definition)
        continue
      }
      try Self.checkCompatible(definition, with: current)
      var changed = definition
      changed.version = version + 1
      next[definition.name] = changed
      change.applied.append(changed)
    }
    guard next.count <= FeatureLimits.viewCountMax else {
      throw ViewConflict(reason: "more than \(FeatureLimits.viewCountMax) views")
    }
    change.catalog = ViewCatalog(Array(next.values))
    return change
  }

  private static func checkCompatible(
    _ view: FeatureView, with current: FeatureView
  ) throws(ViewConflict) {
    guard view.entity == current.entity else {
      throw ViewConflict(
        reason: "view \(view.name): its entity is \(current.entity) and cannot become "
          + "\(view.entity)")
    }
    for feature in view.features {
      guard let before = current.feature(feature.name), before.type != feature.type else {
        continue
      }
      throw ViewConflict(
        reason: "view \(view.name): feature \(feature.name) is \(before.type.rawValue) and cannot "
          + "become \(feature.type.rawValue); define a feature with another name")
    }
  }
}

/// What the views make of the events of one source.
package struct EventSource: Sendable {
  /// The scopes that its features need. Without one of them nothing of a person is kept.
  package private(set) var scopes: Set<Scope> = []
  private var uses: [String: [(aggregation: Aggregation, type: FeatureType)]] = [:]

  mutating func add(_ view: FeatureView) {
    scopes.formUnion(view.scopes)
    for feature in view.features {
      guard let aggregation = feature.aggregation, let field = aggregation.field else { continue }
      uses[field, default: []].append((aggregation, feature.type))
    }
  }

  /// What a value in `field` should be, where no feature can use `value`; `nil` where it may stay.
  package func expectation(for value: FeatureDatum, in field: String) -> String? {
    guard let uses = uses[field],
      !uses.contains(where: { $0.aggregation.accepts(value, type: $0.type) })
    else { return nil }
    let wanted = uses[0]
    return switch wanted.aggregation.kind {
    case .tally, .distinct: "string or int"
    case .mean: "double"
    default: wanted.type.rawValue
    }
  }
}
