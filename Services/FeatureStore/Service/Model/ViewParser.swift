internal import PrivacyCore

/// Reads feature views from YAML:
///
///     views:
///       - name: purchases
///         entity: customer
///         source: retail_orders
///         ttl: 730d
///         features:
///           - {name: order_lines_90d, type: int, aggregate: count, window: 90d, scope: analytics}
///
/// Whatever is not understood is an error with its line and column: a misspelt `scope` must never
/// become a feature without one.
package enum ViewParser {
  /// The views of `yaml`, in their order.
  package static func views(yaml: String) throws(DefinitionError) -> [FeatureView] {
    let root = try DefinitionNode.root(of: yaml)
    let entries = try root.entries(of: "the definitions", keys: ["views"])
    let list = try required("views", in: entries, of: root)
    let items = try list.items(of: "views")
    guard !items.isEmpty else { throw list.error("expected at least one view") }
    guard items.count <= FeatureLimits.viewCountMax else {
      throw list.error("more than \(FeatureLimits.viewCountMax) views")
    }
    var views: [FeatureView] = []
    var names: Set<String> = []
    for item in items {
      let view = try view(item)
      guard names.insert(view.name).inserted else {
        throw item.error("view \(view.name) is there twice")
      }
      views.append(view)
    }
    return views
  }

  // MARK: - Views

  private static func view(_ node: DefinitionNode) throws(DefinitionError) -> FeatureView {
    let entries = try node.entries(
      of: "a view", keys: ["name", "entity", "source", "ttl", "features"])
    let name = try name("name", in: entries, of: node)
    let entity = try self.name("entity", in: entries, of: node)
    var source: String?
    if entries["source"] != nil { source = try self.name("source", in: entries, of: node) }
    let list = try required("features", in: entries, of: node)
    let items = try list.items(of: "features")
    guard !items.isEmpty else { throw list.error("expected at least one feature") }
    guard items.count <= FeatureLimits.featureCountMax else {
      throw list.error("more than \(FeatureLimits.featureCountMax) features")
    }
    var features: [Feature] = []
    var names: Set<String> = []
    for item in items {
      let feature = try feature(item, isFolded: source != nil)
      guard names.insert(feature.name).inserted else {
        throw item.error("feature \(feature.name) is there twice")
      }
      features.append(feature)
    }
    return FeatureView(
      name: name, entity: entity, source: source,
      timeToLiveMicroseconds: try length("ttl", in: entries), features: features)
  }

  // MARK: - Features

  private static func feature(
    _ node: DefinitionNode, isFolded: Bool
  ) throws(DefinitionError) -> Feature {
    let entries = try node.entries(
      of: "a feature",
      keys: ["name", "type", "aggregate", "field", "window", "where", "scope", "default"])
    let name = try name("name", in: entries, of: node)
    let typeNode = try required("type", in: entries, of: node)
    guard let type = typeNode.text.flatMap(FeatureType.init(rawValue:)) else {
      throw typeNode.error("expected a type: \(list(FeatureType.allCases))")
    }
    // Never a default for this one: what is served of a person needs a scope that was chosen.
    let scopeNode = try required("scope", in: entries, of: node)
    guard let scope = scopeNode.text.flatMap({ Scope($0) }) else {
      throw scopeNode.error("expected a scope: \(nameRule)")
    }
    var feature = Feature(name: name, type: type, scope: scope)
    if let kindNode = entries["aggregate"] {
      guard isFolded else { throw kindNode.error("an aggregate needs a view with a source") }
      feature.aggregation = try aggregation(kindNode, type: type, entries: entries, of: node)
    } else {
      guard !isFolded else {
        throw node.error("expected an aggregate: the view folds the events of its source")
      }
      guard type != .tallies else { throw typeNode.error("tallies need the aggregate tally") }
      for key in ["field", "window", "where"] {
        if let extra = entries[key] { throw extra.error("\(key) needs an aggregate") }
      }
    }
    if let node = entries["default"] {
      feature.defaultValue = try defaultValue(node, type: type)
    }
    return feature
  }

  private static func aggregation(
    _ kindNode: DefinitionNode, type: FeatureType, entries: [String: DefinitionNode],
    of node: DefinitionNode
  ) throws(DefinitionError) -> Aggregation {
    guard let kind = kindNode.text.flatMap(AggregateKind.init(rawValue:)) else {
      throw kindNode.error("expected an aggregate: \(list(AggregateKind.allCases))")
    }
    guard kind.types.contains(type) else {
      throw (entries["type"] ?? node).error(
        "aggregate \(kind.rawValue) gives \(list(kind.types)), not \(type.rawValue)")
    }
    var aggregation = Aggregation(kind, windowMicroseconds: try length("window", in: entries))
    if kind.needsField || entries["field"] != nil {
      aggregation.field = try name("field", in: entries, of: node)
    }
    if let filterNode = entries["where"] { aggregation.filters = try filters(filterNode) }
    return aggregation
  }

  private static func filters(
    _ node: DefinitionNode
  ) throws(DefinitionError) -> [String: FeatureDatum] {
    var filters: [String: FeatureDatum] = [:]
    for (key, value) in try node.pairs(of: "where") {
      guard let field = key.text, NameRule.accepts(field) else {
        throw key.error("expected a field: \(nameRule)")
      }
      guard let wanted = value.datum else {
        throw value.error("expected a text, a number, true or false")
      }
      try check(wanted, at: value)
      filters[field] = wanted
    }
    guard (1...FeatureLimits.filterCountMax).contains(filters.count) else {
      throw node.error("expected 1 to \(FeatureLimits.filterCountMax) fields")
    }
    return filters
  }

  private static func defaultValue(
    _ node: DefinitionNode, type: FeatureType
  ) throws(DefinitionError) -> FeatureDatum {
    switch type {
    case .strings:
      var texts: [String] = []
      for item in try node.items(of: "texts") {
        guard let text = item.text else { throw item.error("expected a text") }
        texts.append(text)
      }
      let value = FeatureDatum.strings(texts)
      try check(value, at: node)
      return value
    case .tallies:
      guard try node.items(of: "tallies").isEmpty else {
        throw node.error("the default of tallies can only be []")
      }
      return .tallies([])
    case .string:
      guard let text = node.text else { throw node.error("expected a default that is string") }
      try check(.string(text), at: node)
      return .string(text)
    case .int, .double, .bool:
      guard let value = node.datum?.converted(to: type) else {
        throw node.error("expected a default that is \(type.rawValue)")
      }
      return value
    }
  }

  // MARK: - Parts

  private static let nameRule =
    "a lower-case letter, then up to 63 of a-z, 0-9, _, - and ."

  private static func required(
    _ key: String, in entries: [String: DefinitionNode], of node: DefinitionNode
  ) throws(DefinitionError) -> DefinitionNode {
    guard let value = entries[key] else { throw node.error("expected \(key)") }
    return value
  }

  private static func name(
    _ key: String, in entries: [String: DefinitionNode], of node: DefinitionNode
  ) throws(DefinitionError) -> String {
    let value = try required(key, in: entries, of: node)
    guard let text = value.text, NameRule.accepts(text) else {
      throw value.error("expected a \(key): \(nameRule)")
    }
    return text
  }

  private static func length(
    _ key: String, in entries: [String: DefinitionNode]
  ) throws(DefinitionError) -> Int64 {
    guard let node = entries[key] else { return 0 }
    guard let microseconds = node.text.flatMap({ LengthOfTime.microseconds($0) }) else {
      throw node.error("expected a length of time such as 90d, 12h, 30m or 45s")
    }
    return microseconds
  }

  private static func check(
    _ value: FeatureDatum, at node: DefinitionNode
  ) throws(DefinitionError) {
    do {
      try WriteCheck.check(value, field: "here")
    } catch {
      throw node.error(error.reason)
    }
  }

  private static func list(_ names: [some RawRepresentable<String>]) -> String {
    names.map(\.rawValue).joined(separator: ", ")
  }
}
