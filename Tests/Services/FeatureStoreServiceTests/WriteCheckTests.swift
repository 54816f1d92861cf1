internal import FeatureStoreService
internal import PrivacyCore
internal import Testing

@Suite("What a write must pass")
struct WriteCheckTests {
  private let catalog: ViewCatalog
  private let source: EventSource
  private let profile: FeatureView

  init() throws {
    catalog = ViewCatalog(try ViewParser.views(yaml: ViewParserTests.example))
    source = try #require(catalog.sources["retail_orders"])
    profile = try #require(catalog.views["profile"])
  }

  @Test(
    "texts that look like a direct identifier are refused with the field's name only",
    arguments: ["ann@example.com", "write to ann@example.com", "+43 664 1234567", "0664 123 45 67"])
  func identifiers(text: String) {
    for value in [FeatureDatum.string(text), .strings(["fine", text])] {
      let refusal = #expect(throws: WriteRefusal.self) {
        try WriteCheck.check(value, field: "note")
      }
      #expect(refusal?.reason.contains("field note looks like") == true)
      #expect(refusal?.reason.contains("664") == false && refusal?.reason.contains("@") == false)
    }
    #expect(throws: WriteRefusal.self) { try WriteCheck.check(eventID: text) }
  }

  @Test("numbers that are none are refused", arguments: [Double.nan, .infinity, -.infinity])
  func notFinite(number: Double) {
    #expect(throws: WriteRefusal.self) { try WriteCheck.check(.double(number), field: "f") }
  }

  @Test("texts, lists and ids are accepted up to their limit")
  func limits() throws {
    let long = String(repeating: "a", count: 4_096)
    try WriteCheck.check(.string(long), field: "f")
    #expect(throws: WriteRefusal.self) { try WriteCheck.check(.string(long + "a"), field: "f") }
    let many = Array(repeating: "a", count: 256)
    try WriteCheck.check(.strings(many), field: "f")
    #expect(throws: WriteRefusal.self) { try WriteCheck.check(.strings(many + ["a"]), field: "f") }
    try WriteCheck.check(eventID: String(long.prefix(128)))
    #expect(throws: WriteRefusal.self) { try WriteCheck.check(eventID: String(long.prefix(129))) }
    #expect(throws: WriteRefusal.self) { try WriteCheck.check(eventID: "") }
  }

  @Test("an event time may lie a day ahead and no further, and must be there")
  func times() throws {
    let now = Timestamp(seconds: 1_000_000)
    let day = FeatureLimits.futureMicrosecondsMax
    try WriteCheck.check(time: now.advanced(byMicroseconds: day), now: now)
    #expect(throws: WriteRefusal.self) {
      try WriteCheck.check(time: now.advanced(byMicroseconds: day + 1), now: now)
    }
    try WriteCheck.check(time: Timestamp(microseconds: 1), now: now)
    #expect(throws: WriteRefusal.self) {
      try WriteCheck.check(time: Timestamp(microseconds: 0), now: now)
    }
  }

  @Test(
    "field names follow the rule of names", arguments: ["", "Amount", "a b", "ann@example.com"])
  func fieldNames(name: String) {
    let refusal = #expect(throws: WriteRefusal.self) { try WriteCheck.check(fieldName: name) }
    #expect(refusal?.reason.contains("@") == false)
  }

  @Test("a row's value must be of the feature's type; a whole number serves as a number")
  func rowTypes() throws {
    #expect(try WriteCheck.check(.int(3), field: "score", in: profile) == .double(3))
    #expect(try WriteCheck.check(nil, field: "score", in: profile) == nil)
    for (value, field) in [
      (FeatureDatum.string("x"), "score"), (.int(1), "vip"), (.double(1), "segment"),
      (.tallies([]), "tags"), (.string("x"), "no_such"),
    ] {
      #expect(throws: WriteRefusal.self) {
        try WriteCheck.check(value, field: field, in: profile)
      }
    }
  }

  @Test("an event's value must be of use to the views; fields they do not know pass")
  func eventTypes() throws {
    try WriteCheck.check(.int(3), field: "amount", in: source)
    try WriteCheck.check(.int(3), field: "item", in: source)
    try WriteCheck.check(.bool(true), field: "unknown", in: source)
    for (value, field) in [
      (FeatureDatum.string("3"), "amount"), (.double(1.5), "item"), (.int(1), "country"),
      (.strings(["a"]), "unknown"), (.tallies([]), "unknown"),
    ] {
      #expect(throws: WriteRefusal.self) { try WriteCheck.check(value, field: field, in: source) }
    }
  }
}

@Suite("Rows read as of a time")
struct RowHistoryTests {
  private let view = FeatureView(
    name: "v", entity: "e", timeToLiveMicroseconds: 1_000,
    features: [
      Feature(name: "a", type: .int, scope: Scope("s").unsafelyKnown),
      Feature(name: "b", type: .double, scope: Scope("s").unsafelyKnown),
    ])

  private func reading(_ name: String, _ rows: [PersonRow], asOf: Int64) throws -> FeatureReading {
    RowHistory(rows).reading(
      of: try #require(view.feature(name)), in: view, asOf: Timestamp(microseconds: asOf))
  }

  @Test("the latest row that speaks of a feature counts, and later rows do not exist yet")
  func asOf() throws {
    let rows = [
      PersonRow(time: Timestamp(microseconds: 100), consentID: "c", values: ["a": .int(1)]),
      PersonRow(time: Timestamp(microseconds: 300), consentID: "c", values: ["a": nil]),
      PersonRow(
        time: Timestamp(microseconds: 200), consentID: "c", values: ["a": .int(2), "b": .int(5)]),
    ]
    #expect(try reading("a", rows, asOf: 99) == .notFound)
    #expect(
      try reading("a", rows, asOf: 100) == .present(.int(1), at: Timestamp(microseconds: 100)))
    #expect(
      try reading("a", rows, asOf: 299) == .present(.int(2), at: Timestamp(microseconds: 200)))
    #expect(try reading("a", rows, asOf: 300) == .null(at: Timestamp(microseconds: 300)))
    #expect(
      try reading("b", rows, asOf: 300) == .present(.double(5), at: Timestamp(microseconds: 200)))
  }

  @Test("a row is fresh to the end of its time to live and expired after it")
  func expiry() throws {
    let rows = [
      PersonRow(time: Timestamp(microseconds: 100), consentID: "c", values: ["a": .int(1)])
    ]
    #expect(
      try reading("a", rows, asOf: 1_100) == .present(.int(1), at: Timestamp(microseconds: 100)))
    #expect(try reading("a", rows, asOf: 1_101) == .expired(at: Timestamp(microseconds: 100)))
  }
}
