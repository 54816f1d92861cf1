internal import ConsentAPI
internal import FeaturesAPI
internal import Foundation
internal import Pipeline
internal import RPC
internal import ServiceKit
internal import TestSupport
internal import Testing

/// An export in a directory of its own, and the services it goes to.
private struct IngestFixture {
  static let mapping = """
    source: orders
    format: csv
    identifier: {kind: email, value: "{mail}"}
    scope: product_recs
    time: "{at}"
    fields:
      - {name: item, from: "{item}"}
      - {name: quantity, from: "{quantity}", type: int}
    """

  let stubs: IngestStubs
  let directory: URL
  let file: URL
  let connection: RPCClient

  var rejects: URL { directory.appending(path: "state/orders.csv.rejects.csv") }
  var checkpoint: URL { directory.appending(path: "state/orders.csv.checkpoint.json") }

  /// Runs `body` with the rows `mail,item,quantity,at` behind a header.
  static func run(
    _ rows: [String], _ body: (IngestFixture) async throws -> Void
  ) async throws {
    let stubs = IngestStubs()
    try await withTemporaryDirectory { directory in
      try await stubs.withConnection { connection in
        let fixture = IngestFixture(
          stubs: stubs, directory: directory, file: directory.appending(path: "orders.csv"),
          connection: connection)
        try fixture.write((["mail,item,quantity,at"] + rows).joined(separator: "\n") + "\n")
        try await body(fixture)
      }
    }
  }

  func write(_ text: String) throws { try Data(text.utf8).write(to: file) }

  func ingest(
    batchRowCount: Int = 4_000, batchesInFlight: Int = 1, mapping: String = Self.mapping
  ) throws -> Ingest {
    var settings = Ingest.Settings()
    settings.batchRowCount = batchRowCount
    settings.batchesInFlight = batchesInFlight
    return try Ingest(
      file: file, mapping: try IngestMapping(yaml: mapping),
      directory: directory.appending(path: "state"), vault: connection, consent: connection,
      features: connection, settings: settings)
  }

  func rejected() throws -> [String] {
    try String(contentsOf: rejects, encoding: .utf8).split(separator: "\n").map(String.init)
  }
}

@Suite("Ingest")
struct IngestTests {
  private static let day = "2026-01-01"

  @Test("an event carries the person's pid and receipt and reaches the mapping's source")
  func accepted() async throws {
    try await IngestFixture.run(["ann@example.com,tea,2,\(Self.day)"]) { fixture in
      fixture.stubs.allow("ann@example.com")
      let result = try await fixture.ingest().run()
      #expect(result.rowCount == 1)
      #expect(result.acceptedCount == 1)
      #expect(result.refusals.isEmpty)
      #expect(result.isComplete)
      let event = try #require(fixture.stubs.events.first)
      #expect(event.pid == IngestStubs.pid("ann@example.com"))
      #expect(event.consentID == "c_ann@example.com")
      #expect(event.eventID == "orders.csv:2")
      #expect(fixture.stubs.scopes == ["product_recs"])
      #expect(try fixture.rejected() == ["line,reason"])
    }
  }

  @Test("refused rows are listed with line and reason, never with a value of the row")
  func refusals() async throws {
    let rows = [
      "ann@example.com,tea,2,\(Self.day)", "bob@example.com,tea,2,\(Self.day)",
      "not-an-address,tea,2,\(Self.day)", ",tea,2,\(Self.day)",
      "ann@example.com,tea,many-cups,\(Self.day)", "ann@example.com,tea,2,last-tuesday",
      "ann@example.com,tea", "cid@example.com,tea,2,\(Self.day)",
      "ann@example.com,coffee,2,\(Self.day)",
    ]
    try await IngestFixture.run(rows) { fixture in
      fixture.stubs.allow("ann@example.com")
      fixture.stubs.deny("cid@example.com", .withdrawn)
      fixture.stubs.refuse("not-an-address", "no @ in an e-mail address")
      fixture.stubs.reject("orders.csv:10", "the person has too many events, or would have")
      let result = try await fixture.ingest().run()
      #expect(
        try fixture.rejected() == [
          "line,reason", "3,product_recs: no consent was ever recorded for this scope",
          "4,no @ in an e-mail address", "5,no identifier of a person",
          "6,quantity is not a whole number", "7,the time is not a date as RFC 3339 has it",
          "8,\"2 cells, the header has 4\"", "9,product_recs: consent was withdrawn",
          "10,\"the person has too many events, or would have\"",
        ])
      #expect(result.rowCount == 9)
      #expect(result.acceptedCount == 1)
      #expect(result.refusedCount == 8)
      for file in [fixture.rejects, fixture.checkpoint] {
        let text = try String(contentsOf: file, encoding: .utf8)
        for value in ["ann@", "bob@", "cid@", "not-an-address", "many-cups", "tuesday", "tea"] {
          #expect(!text.contains(value), "\(file.lastPathComponent) holds \(value)")
        }
      }
    }
  }

  @Test("of people who allow nothing the vault makes no record: the first look creates none")
  func lookup() async throws {
    let rows = ["ann@example.com", "bob@example.com"].map { "\($0),tea,2,\(Self.day)" }
    try await IngestFixture.run(rows) { fixture in
      fixture.stubs.allow("ann@example.com")
      _ = try await fixture.ingest().run()
      #expect(fixture.stubs.lookups.map(\.create) == [false, true])
      #expect(fixture.stubs.lookups.first?.identifiers == ["ann@example.com", "bob@example.com"])
      #expect(fixture.stubs.created == ["ann@example.com"])
    }
  }

  @Test("a person is looked up once however many rows they have")
  func rememberedPeople() async throws {
    let rows = (1...9).map { "ann@example.com,tea,\($0),\(Self.day)" }
    try await IngestFixture.run(rows) { fixture in
      fixture.stubs.allow("ann@example.com")
      let result = try await fixture.ingest(batchRowCount: 2).run()
      #expect(result.acceptedCount == 9)
      #expect(fixture.stubs.lookups.count == 2)
    }
  }

  @Test("no event is sent before the vault has made the person's key, however many batches fly")
  func keysFirst() async throws {
    let rows = ["dan", "ann", "ann"].map { "\($0)@example.com,tea,1,\(Self.day)" }
    try await IngestFixture.run(rows) { fixture in
      fixture.stubs.allow("ann@example.com", "dan@example.com")
      fixture.stubs.know("dan@example.com")
      // The first batch ends while the vault is still making the key that the second one needs;
      // the third then comes upon somebody who was met, and must wait all the same.
      fixture.stubs.failNext(RPCError(.unavailable, "a moment"), RPCError(.unavailable, "a moment"))
      fixture.stubs.createSlowly(ms: 400)
      let result = try await fixture.ingest(batchRowCount: 1, batchesInFlight: 2).run()
      #expect(result.acceptedCount == 3)
      #expect(fixture.stubs.eventsWithoutKey == 0)
    }
  }

  @Test("a feature store that has lost its lease for a moment refuses no row")
  func lostLease() async throws {
    let rows = (1...4).map { "ann@example.com,tea,\($0),\(Self.day)" }
    try await IngestFixture.run(rows) { fixture in
      fixture.stubs.allow("ann@example.com")
      let noLease = RPCError(.unavailable, "the consent service cannot be reached")
      fixture.stubs.failNext(noLease, noLease, noLease)
      let result = try await fixture.ingest(batchRowCount: 2).run()
      #expect(result.acceptedCount == 4)
      #expect(result.refusals.isEmpty)
      #expect(fixture.stubs.writeCount == 5)
    }
  }

  // MARK: Going on

  /// Nine rows in batches of two; every third is refused.
  private static let rows = (1...9).map {
    $0 % 3 == 0 ? "bob@example.com,tea,\($0),\(day)" : "ann@example.com,tea,\($0),\(day)"
  }

  @Test("a run that was cut goes on behind its checkpoint and sends nothing twice")
  func resume() async throws {
    try await IngestFixture.run(Self.rows) { fixture in
      fixture.stubs.allow("ann@example.com")
      fixture.stubs.failAfter(3)
      await #expect(throws: RPCError.self) { try await fixture.ingest(batchRowCount: 2).run() }
      let cut = try IngestCheckpoint.load(fixture.checkpoint)
      #expect(!cut.isComplete)
      #expect(cut.line == 5)
      #expect(cut.rowCount == 4)
      #expect(cut.acceptedCount == 3)
      #expect(cut.refusedCount == 1)

      fixture.stubs.failAfter(nil)
      var progress: [IngestCheckpoint] = []
      let result = try await fixture.ingest(batchRowCount: 2).run { progress.append($0) }
      #expect(progress.map(\.line) == [7, 9, 10])
      #expect(result.isComplete)
      #expect(result.rowCount == 9)
      #expect(result.acceptedCount == 6)
      #expect(result.duplicateCount == 0)
      #expect(result.refusedCount == 3)
      let reason = "product_recs: no consent was ever recorded for this scope"
      #expect(
        try fixture.rejected() == ["line,reason", "4,\(reason)", "7,\(reason)", "10,\(reason)"])
      #expect(fixture.stubs.events.map(\.eventID) == [2, 3, 5, 6, 8, 9].map { "orders.csv:\($0)" })
    }
  }

  @Test("what was sent but not written down is sent again and counts as there already")
  func resentBatches() async throws {
    try await IngestFixture.run(Self.rows) { fixture in
      fixture.stubs.allow("ann@example.com")
      _ = try await fixture.ingest(batchRowCount: 2).run()
      // As if the program had been killed behind its first checkpoint.
      var early = IngestCheckpoint()
      early.line = 3
      early.rowCount = 2
      early.acceptedCount = 2
      early.rejectsByteCount = UInt64("line,reason\n".utf8.count)
      try early.save(fixture.checkpoint)
      let result = try await fixture.ingest(batchRowCount: 2).run()
      #expect(result.rowCount == 9)
      #expect(result.acceptedCount == 2)
      #expect(result.duplicateCount == 4)
      #expect(result.refusedCount == 3)
      #expect(fixture.stubs.events.count == 6)
      #expect(try fixture.rejected().count == 4)
    }
  }

  @Test("rejects written behind the last checkpoint are cut off")
  func rejectsAreCut() async throws {
    try await IngestFixture.run(Self.rows) { fixture in
      fixture.stubs.allow("ann@example.com")
      fixture.stubs.failAfter(3)
      await #expect(throws: RPCError.self) { try await fixture.ingest(batchRowCount: 2).run() }
      let handle = try FileHandle(forWritingTo: fixture.rejects)
      try handle.seekToEnd()
      try handle.write(contentsOf: Data("7,written but not counted\n8,half a li".utf8))
      try handle.close()
      fixture.stubs.failAfter(nil)
      let result = try await fixture.ingest(batchRowCount: 2).run()
      #expect(try fixture.rejected().map { $0.prefix(3) } == ["lin", "4,p", "7,p", "10,"])
      let byteCount = try Data(contentsOf: fixture.rejects).count
      #expect(result.rejectsByteCount == UInt64(byteCount))
    }
  }

  @Test("a list of refused rows that somebody removed is begun again, without a gap of zeros")
  func rejectsAreGone() async throws {
    try await IngestFixture.run(Self.rows) { fixture in
      fixture.stubs.allow("ann@example.com")
      fixture.stubs.failAfter(3)
      await #expect(throws: RPCError.self) { try await fixture.ingest(batchRowCount: 2).run() }
      try FileManager.default.removeItem(at: fixture.rejects)
      fixture.stubs.failAfter(nil)
      _ = try await fixture.ingest(batchRowCount: 2).run()
      #expect(try fixture.rejected().map { $0.prefix(3) } == ["lin", "7,p", "10,"])
    }
  }

  @Test("a file that was read to its end is not read again")
  func complete() async throws {
    try await IngestFixture.run(Self.rows) { fixture in
      fixture.stubs.allow("ann@example.com")
      let first = try await fixture.ingest().run()
      let lookups = fixture.stubs.lookups.count
      #expect(try await fixture.ingest().run() == first)
      #expect(fixture.stubs.lookups.count == lookups)
    }
  }

  @Test("a checkpoint that is damaged stops the run with a way out")
  func damagedCheckpoint() async throws {
    try await IngestFixture.run(Self.rows) { fixture in
      let ingest = try fixture.ingest()
      try Data("{".utf8).write(to: fixture.checkpoint)
      let failure = await #expect(throws: CommandFailure.self) { try await ingest.run() }
      #expect(failure?.description.contains("remove it to begin again") == true)
    }
  }

  // MARK: Files

  @Test("an empty file and a file without a column that the mapping reads are refused in words")
  func badFiles() async throws {
    try await IngestFixture.run([]) { fixture in
      try fixture.write("")
      var failure = await #expect(throws: CommandFailure.self) { try await fixture.ingest().run() }
      #expect(failure?.description == "orders.csv: the file is empty")
      try fixture.write("mail,item,quantity\n")
      failure = await #expect(throws: CommandFailure.self) { try await fixture.ingest().run() }
      #expect(failure?.description.contains("no column at") == true)
    }
  }

  @Test("a header without rows is a complete run of nothing")
  func noRows() async throws {
    try await IngestFixture.run([]) { fixture in
      let result = try await fixture.ingest().run()
      #expect(result.isComplete)
      #expect(result.rowCount == 0)
      #expect(fixture.stubs.lookups.isEmpty)
    }
  }

  @Test("JSON lines are read like rows, and a line that is none is refused")
  func jsonLines() async throws {
    try await IngestFixture.run([]) { fixture in
      fixture.stubs.allow("ann@example.com")
      try fixture.write(
        """
        {"mail":"ann@example.com","item":"tea","quantity":2,"at":"\(Self.day)"}
        {"mail":"ann@example.com","item":["tea"],"quantity":2,"at":"\(Self.day)"}
        ann@example.com
        {"mail":"ann@example.com","quantity":null,"at":"\(Self.day)"}

        """)
      let mapping = IngestFixture.mapping.replacingOccurrences(of: "csv", with: "jsonl")
      let result = try await fixture.ingest(mapping: mapping).run()
      #expect(result.acceptedCount == 2)
      #expect(
        try fixture.rejected() == [
          "line,reason", "2,item is a list or an object", "3,not a JSON object",
        ])
      #expect(fixture.stubs.events.map { $0.fields.map(\.name) } == [["item", "quantity"], []])
    }
  }

  @Test("another delimiter is that of the mapping")
  func delimiter() async throws {
    try await IngestFixture.run([]) { fixture in
      fixture.stubs.allow("ann@example.com")
      try fixture.write("mail;item;quantity;at\nann@example.com;tea, green;2;\(Self.day)\n")
      let mapping = IngestFixture.mapping + "\ndelimiter: \";\""
      let result = try await fixture.ingest(mapping: mapping).run()
      #expect(result.acceptedCount == 1)
      #expect(
        fixture.stubs.events.first?.fields.first?.value?.kind == .stringValue("tea, green"))
    }
  }
}
