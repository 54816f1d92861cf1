internal import FeatureStoreService
internal import PrivacyCore
internal import Testing

@Suite("Feature definitions")
struct ViewParserTests {
  static let example = """
    views:
      - name: purchases
        entity: customer
        source: retail_orders
        ttl: 730d
        features:
          - {name: order_lines_90d, type: int, aggregate: count, window: 90d, scope: analytics, default: 0}
          - {name: spend_365d, type: double, aggregate: sum, field: amount, window: 365d, scope: analytics}
          - {name: items, type: tallies, aggregate: tally, field: item, where: {kind: purchase}, scope: product_recs}
          - {name: country, type: string, aggregate: last, field: country, scope: personalization_geo}
      - name: profile
        entity: customer
        features:
          - {name: segment, type: string, scope: analytics, default: "none"}
          - {name: tags, type: strings, scope: analytics, default: [a, b]}
          - {name: score, type: double, scope: analytics, default: 1}
          - {name: vip, type: bool, scope: analytics, default: false}
    """

  @Test("a whole file is read as it is meant")
  func example() throws {
    let views = try ViewParser.views(yaml: Self.example)
    let purchases = try #require(views.first)
    #expect(views.map(\.name) == ["purchases", "profile"])
    #expect(purchases.source == "retail_orders")
    #expect(purchases.timeToLiveMicroseconds == 730 * 86_400_000_000)
    #expect(purchases.feature("order_lines_90d")?.defaultValue == .int(0))
    #expect(
      purchases.feature("items")?.aggregation
        == Aggregation(.tally, field: "item", filters: ["kind": .string("purchase")]))
    #expect(purchases.feature("country")?.scope == Scope("personalization_geo"))
    #expect(views[1].source == nil)
    #expect(views[1].feature("tags")?.defaultValue == .strings(["a", "b"]))
    #expect(views[1].feature("score")?.defaultValue == .double(1))
  }

  @Test("filters tell numbers, truth values and quoted texts apart")
  func filterTypes() throws {
    let views = try ViewParser.views(
      yaml: view(
        "{name: n, type: int, aggregate: count, where: {a: 1, b: 1.5, c: true, d: \"1\"}, scope: s}"
      ))
    #expect(
      views[0].features[0].aggregation?.filters
        == ["a": .int(1), "b": .double(1.5), "c": .bool(true), "d": .string("1")])
  }

  /// The lines before the feature's own.
  private static let lead = "views:\n- name: v\n  entity: e\n  source: src\n  features:\n"

  private func view(_ feature: String) -> String { Self.lead + "  - \(feature)\n" }

  @Test(
    "a feature that is not understood is refused with its line and column",
    arguments: [
      ("{name: n, type: int, aggregate: count}", 6, 5, "expected scope"),
      ("{name: n, type: int, aggregate: count, scope: \"Über\"}", 6, 51, "expected a scope"),
      ("{name: n, type: int, aggregate: count, scope: ''}", 6, 51, "expected a scope"),
      ("{name: n, type: int, aggregate: count, scope: [a]}", 6, 51, "expected a scope"),
      ("{name: n, type: int, agregate: count, scope: s}", 6, 26, "unknown key in a feature"),
      ("{name: n, type: text, aggregate: last, field: f, scope: s}", 6, 21, "expected a type"),
      (
        "{name: n, type: int, aggregate: median, field: f, scope: s}", 6, 37,
        "expected an aggregate"
      ),
      (
        "{name: n, type: int, aggregate: mean, field: f, scope: s}", 6, 21,
        "aggregate mean gives double"
      ),
      (
        "{name: n, type: string, aggregate: sum, field: f, scope: s}", 6, 21,
        "aggregate sum gives int, double"
      ),
      ("{name: n, type: int, aggregate: sum, scope: s}", 6, 5, "expected field"),
      ("{name: n, type: int, scope: s}", 6, 5, "expected an aggregate"),
      ("{name: n, type: int, aggregate: count, window: 3w, scope: s}", 6, 52, "expected a length"),
      ("{name: n, type: int, aggregate: count, window: 0d, scope: s}", 6, 52, "expected a length"),
      (
        "{name: n, type: int, aggregate: count, default: x, scope: s}", 6, 53,
        "expected a default that is int"
      ),
      (
        "{name: n, type: int, aggregate: count, default: 1.5, scope: s}", 6, 53,
        "expected a default that is int"
      ),
      (
        "{name: n, type: tallies, aggregate: tally, field: f, default: [1], scope: s}", 6, 67,
        "can only be []"
      ),
      (
        "{name: n, type: int, aggregate: count, where: {}, scope: s}", 6, 51,
        "expected 1 to 16 fields"
      ),
      (
        "{name: n, type: int, aggregate: count, where: {a: [1]}, scope: s}", 6, 55,
        "expected a text, a number"
      ),
      (
        "{name: n, type: int, aggregate: count, where: {a: ann@example.com}, scope: s}", 6, 55,
        "looks like an e-mail address"
      ),
      ("{name: No, type: int, aggregate: count, scope: s}", 6, 12, "expected a name"),
      ("{name: n, name: m, type: int, aggregate: count, scope: s}", 6, 6, "the same key twice"),
      ("{name: n, type: int, aggregate: count, scope: s", 7, 1, "not YAML"),
      ("&a {name: n}", 6, 5, "anchors and aliases"),
      ("*a", 6, 5, "anchors and aliases"),
      ("just text", 6, 5, "expected a feature as key: value"),
    ])
  func badFeature(text: String, line: Int, column: Int, reason: String) throws {
    let error = #expect(throws: DefinitionError.self) { try ViewParser.views(yaml: view(text)) }
    #expect(error?.line == line && error?.column == column, "\(text): \(error?.description ?? "")")
    #expect(error?.reason.contains(reason) == true, "\(text): \(error?.description ?? "")")
  }

  @Test(
    "a file that is not understood is refused",
    arguments: [
      ("", "found nothing"),
      ("[]", "expected the definitions as key: value"),
      ("view: []", "unknown key in the definitions"),
      ("views: []", "expected at least one view"),
      ("views: 3", "expected a list of views"),
      ("views: [{name: v, entity: e}]", "expected features"),
      ("views: [{name: v, features: []}]", "expected entity"),
      ("views: [{name: v, entity: e, features: []}]", "expected at least one feature"),
      (
        "views: [{name: v, entity: e, ttl: soon, features: [{name: n, type: int, scope: s}]}]",
        "expected a length"
      ),
      (
        "views: [{name: v, entity: e, features: [{name: n, type: int, scope: s, aggregate: count}]}]",
        "needs a view with a source"
      ),
      (
        "views: [{name: v, entity: e, features: [{name: n, type: int, scope: s, window: 1d}]}]",
        "window needs an aggregate"
      ),
      (
        "views: [{name: v, entity: e, features: [{name: n, type: tallies, scope: s}]}]",
        "tallies need the aggregate tally"
      ),
      (
        "views: [{name: v, entity: e, features: [{name: n, type: int, scope: s}, {name: n, type: int, scope: s}]}]",
        "feature n is there twice"
      ),
      (
        "views: [{name: v, entity: e, features: [{name: n, type: int, scope: s}]}, {name: v, entity: e, features: [{name: n, type: int, scope: s}]}]",
        "view v is there twice"
      ),
      ("a: b: c", "not YAML"),
      ("views: []\n---\nviews: []", "not YAML"),
      ("\u{7}", "not YAML"),
    ])
  func badFile(text: String, reason: String) throws {
    let error = #expect(throws: DefinitionError.self) { try ViewParser.views(yaml: text) }
    #expect(error?.reason.contains(reason) == true, "\(text): \(error?.description ?? "")")
  }

  @Test("text nested without end is refused, not followed", arguments: ["[", "{a: ", "- ", "? "])
  func deepNesting(opening: String) {
    #expect(throws: DefinitionError.self) {
      try ViewParser.views(yaml: String(repeating: opening, count: 100_000))
    }
  }

  @Test("256 features are accepted, 257 are not")
  func featureLimit() throws {
    func text(_ count: Int) -> String {
      Self.lead
        + (0..<count).map { "  - {name: f\($0), type: int, aggregate: count, scope: s}\n" }.joined()
    }
    #expect(try ViewParser.views(yaml: text(256))[0].features.count == 256)
    #expect(throws: DefinitionError.self) { try ViewParser.views(yaml: text(257)) }
  }

  @Test("an ampersand between words is no anchor")
  func ampersand() throws {
    let views = try ViewParser.views(
      yaml: view(
        "{name: n, type: string, aggregate: last, field: f, scope: s, default: salt & pepper}"))
    #expect(views[0].features[0].defaultValue == .string("salt & pepper"))
  }
}
