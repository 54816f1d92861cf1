internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import Testing

extension Integration {
  @Suite("Kill -9 in the middle of an ingest")
  struct IngestCrashTests {
    // Every batch of the ingest brings people whom no service knows yet.
    private static let peopleCount = 2_400
    private static let linesPerPerson = 10

    @Test(
      "of a service: after a restart every row is counted once and nothing acknowledged is lost",
      arguments: [WellKnownService.vault, .consent, .features])
    func ofService(service: WellKnownService) async throws {
      try await interrupt { live, _ in
        try await live.kill9(service)
      } repair: { live in
        try await live.restart(service)
      }
    }

    @Test("of the ingest itself: run again, it goes on where it stopped and counts no row twice")
    func ofIngest() async throws {
      try await interrupt { _, ingest in
        ingest.kill9()
      } repair: { _ in
      }
    }

    @Test("of the consent service: writes fail as a whole until it is back, none is refused for it")
    func withoutConsent() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 1)
        let person = shop.people[0]
        let event =
          "{\"pid\":\"\(person.pid)\",\"consent_id\":\"\(person.consentID)\",\"event_id\":\"e1\","
          + "\"time\":\"2026-05-01\",\"fields\":{\"item\":\"20001\"}}\n"
        let write = [
          "write-events", "--source", "retail_orders", try live.file("event.jsonl", event),
        ]
        try await live.kill9(.consent)
        try await eventually("the feature store has lost its lease") {
          try await live.run("tacit-features", "health").status == 1
        }
        let refused = try await live.run("tacit-features", write)
        #expect(refused.status == 1)
        #expect(refused.errors.contains("the consent service cannot be reached"), "\(refused)")
        #expect(!refused.errors.contains("line 1"), "\(refused)")

        try await live.restart(.consent)
        try await eventually("the feature store takes writes again") {
          try await live.run("tacit-features", write).status == 0
        }
        #expect(try await shop.servedLineCount() == 1)
      }
    }

    /// Begins an ingest, breaks something behind its first batch, repairs it, and ingests again.
    private func interrupt(
      _ breaking: (LiveStack, Program.Running) async throws -> Void,
      repair: (LiveStack) async throws -> Void
    ) async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: Self.peopleCount)
        let file = try shop.orders(linesPerPerson: Self.linesPerPerson)
        let url = shop.checkpointURL(file)
        let ingest = try live.start("tacit", shop.ingestArguments(file))
        try await eventually("the first batch is written down", pauseMs: 2) {
          try IngestCheckpoint.load(url).line > 0
        }
        try await breaking(live, ingest)
        let first = try await ingest.outcome()
        let before = try IngestCheckpoint.load(url)
        #expect(first.status != 0 || before.isComplete, "a failure shows: \(first)")
        #expect(before.refusedCount == 0, "no row is refused for what a crash did")

        try await repair(live)
        // Rows that were dealt with are not read again: they would be refused now.
        try Self.blankCustomers(of: file, upToLine: before.line)
        let second = try await live.run("tacit", shop.ingestArguments(file))
        #expect(second.status == 0, "\(second)")

        let total = Self.peopleCount * Self.linesPerPerson
        let after = try IngestCheckpoint.load(url)
        #expect(after.isComplete)
        #expect(after.rowCount == total)
        #expect(after.acceptedCount + after.duplicateCount == total, "\(after.refusals)")
        #expect(after.acceptedCount >= before.acceptedCount)
        #expect(try await shop.servedLineCount() == total)
      }
    }

    /// Takes the customer out of the lines of a file up to one of them; the first is the header.
    private static func blankCustomers(of file: String, upToLine last: Int) throws {
      let url = URL(filePath: file)
      var lines = try String(contentsOf: url, encoding: .utf8)
        .split(separator: "\n").map(String.init)
      for index in 1..<max(1, min(last, lines.count)) {
        var cells = lines[index].split(separator: ",", omittingEmptySubsequences: false)
        cells[6] = ""
        lines[index] = cells.joined(separator: ",")
      }
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: url)
    }
  }
}
