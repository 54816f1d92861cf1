internal import FeatureStoreService
internal import PrivacyCore
internal import Testing

@Suite("The catalogue of views")
struct ViewCatalogTests {
  private func parse(_ features: String, source: String = "src") throws -> [FeatureView] {
    try ViewParser.views(
      yaml: "views: [{name: v, entity: e, source: \(source), features: [\(features)]}]")
  }

  @Test("a new view has version 1, a changed one the next, the same one keeps its own")
  func versions() throws {
    let first = try ViewCatalog().applying(
      parse("{name: n, type: int, aggregate: count, scope: s}"))
    #expect(first.applied.map(\.version) == [1])
    let same = try first.catalog.applying(
      parse("{name: n, type: int, aggregate: count, scope: s}"))
    #expect(same.applied.isEmpty && same.unchanged.map(\.name) == ["v"])
    let changed = try same.catalog.applying(
      parse("{name: n, type: int, aggregate: count, scope: s, window: 1d}"))
    #expect(changed.applied.map(\.version) == [2])
    #expect(changed.catalog.views["v"]?.version == 2)
  }

  @Test("a feature cannot change its type")
  func typeChange() throws {
    let catalog = try ViewCatalog().applying(
      parse("{name: n, type: int, aggregate: sum, field: f, scope: s}")
    ).catalog
    #expect(throws: ViewConflict.self) {
      try catalog.applying(parse("{name: n, type: double, aggregate: sum, field: f, scope: s}"))
    }
    #expect(catalog.views["v"]?.version == 1)
  }

  @Test("a view cannot change what its rows speak of")
  func entityChange() throws {
    let catalog = try ViewCatalog().applying(
      parse("{name: n, type: int, aggregate: count, scope: s}")
    ).catalog
    let error = #expect(throws: ViewConflict.self) {
      try catalog.applying(
        ViewParser.views(
          yaml: "views: [{name: v, entity: shop, features: [{name: n, type: int, scope: s}]}]"))
    }
    #expect(error?.reason.contains("entity") == true)
  }

  @Test("a thousand views are the most there can be")
  func viewLimit() throws {
    func views(_ count: Int) -> [FeatureView] {
      (0..<count).map { FeatureView(name: "v\($0)", entity: "e", features: []) }
    }
    #expect(try ViewCatalog().applying(views(1_000)).catalog.views.count == 1_000)
    #expect(throws: ViewConflict.self) { try ViewCatalog().applying(views(1_001)) }
  }

  @Test("features are found by view:feature and view:*, in the order asked")
  func resolve() throws {
    let catalog = ViewCatalog(try ViewParser.views(yaml: ViewParserTests.example))
    #expect(
      try catalog.resolve(["profile:vip", "purchases:*"]).map(\.name) == [
        "profile:vip", "purchases:order_lines_90d", "purchases:spend_365d", "purchases:items",
        "purchases:country",
      ])
  }

  @Test(
    "what is no feature is refused without repeating it",
    arguments: [
      [], ["purchases"], ["a:b:c"], ["nobody:x"], ["purchases:nothing"], [":"],
      ["ann@example.com:x"], ["purchases:+43 664 1234567"],
    ])
  func unresolved(names: [String]) throws {
    let catalog = ViewCatalog(try ViewParser.views(yaml: ViewParserTests.example))
    let error = #expect(throws: ViewConflict.self) { try catalog.resolve(names) }
    #expect(error?.reason.contains("@") == false && error?.reason.contains("664") == false)
  }

  @Test("256 features may be asked for, 257 may not")
  func askedLimit() throws {
    let features = (0..<257).map {
      Feature(name: "f\($0)", type: .int, scope: Scope("s").unsafelyKnown)
    }
    let catalog = ViewCatalog([FeatureView(name: "v", entity: "e", features: features)])
    #expect(try catalog.resolve((0..<256).map { "v:f\($0)" }).count == 256)
    #expect(throws: ViewConflict.self) { try catalog.resolve(["v:*"]) }
  }

  @Test("lengths of time are read and written in whole units")
  func lengths() {
    #expect(LengthOfTime.microseconds("90d") == Int64(7_776_000_000_000))
    #expect(LengthOfTime.microseconds("1s") == 1_000_000)
    #expect(LengthOfTime.microseconds("36500d") != nil)
    for bad in ["", "d", "-1d", "1.5d", "36501d", "99999999999999999999d", "5", "٣d"] {
      #expect(LengthOfTime.microseconds(bad) == nil, "\(bad)")
    }
    #expect(LengthOfTime.text(seconds: 7_776_000) == "90d")
    #expect(LengthOfTime.text(seconds: 5_400) == "90m")
    #expect(LengthOfTime.text(seconds: 0) == "for ever")
  }
}
