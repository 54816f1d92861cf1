import ConsentAPI
import ConsentService
import PrivacyCore
import RPC
import TestSupport
import Testing

@Suite("Importing and exporting receipts")
struct ImportTests {
  @Test("good lines are recorded, each chunk is answered, bad lines are named with the reason")
  func rejects() async throws {
    try await ConsentFixture.run { fixture async throws in
      let lines = [
        Example.line(1), "{", Example.line(2, scopes: "\"telepathy\""), Example.line(3),
        Example.line(1, person: 9), Example.line(1),
      ]
      let progress = try await fixture.importing(lines, chunkCount: 4)
      #expect(progress.map(\.lastLine) == [4, 6])
      let last = try #require(progress.last)
      #expect([last.accepted, last.duplicates, last.rejected] == [2, 1, 3])
      #expect(progress.flatMap(\.rejects).map(\.line) == [2, 3, 5])
      let reasons = progress.flatMap(\.rejects).map(\.reason)
      #expect(reasons[0].contains("expected"))
      #expect(reasons[1].contains("telepathy"))
      #expect(reasons[2].contains("taken by a receipt with another content"))
      #expect(try await fixture.reason(1) == .granted)
      #expect(try await fixture.reason(2) == .neverAsked)
    }
  }

  @Test("receipts that the caller has read are recorded like lines, and judged as strictly")
  func messages() async throws {
    try await ConsentFixture.run { fixture async throws in
      let whole = Example.receipt(1)
      var other = Example.receipt(2)
      other.pid = Example.pid(2).bytes
      other.sequence = 99
      other.recordedAtUs = 1
      other.personSequence = 7
      func broken(_ change: (inout Receipt) -> Void) -> Receipt {
        var receipt = Example.receipt(3)
        change(&receipt)
        return receipt
      }
      let chunk = ImportChunk(
        firstLine: 10,
        receipts: [
          whole, other, broken { $0.kind = .unspecified }, broken { $0.pid = [1] },
          broken { $0.consentID = "x" }, broken { $0.expiresAtUs = 0 },
          broken { $0.scopes = [] },
          broken {
            $0.kind = .withdrawal; $0.scopes = []
          },
          whole,
        ])
      let stream = try await fixture.client.import()
      try await stream.send(chunk)
      try await stream.finish()
      var progress: [ImportProgress] = []
      for try await reply in stream.replies { progress.append(reply) }
      let last = try #require(progress.last)
      #expect([last.accepted, last.duplicates, last.rejected, last.lastLine] == [2, 1, 6, 18])
      #expect(last.rejects.map(\.line) == [12, 13, 14, 15, 16, 17])
      for (reject, word) in zip(
        last.rejects, ["kind", "pid", "consent id", "expiry", "scope", "scope"])
      {
        #expect(reject.reason.contains(word), "\(reject.reason)")
      }
      // Where it stands is the service's to say.
      let shown = try await fixture.client.show(ShowRequest(consentID: other.consentID))
      #expect(shown.sequence == 2 && shown.personSequence == 1 && shown.recordedAtUs > 1)
    }
  }

  @Test("a chunk of lines and receipts at once is refused")
  func mixedChunk() async throws {
    try await ConsentFixture.run { fixture async throws in
      let code = await refusal {
        let stream = try await fixture.client.import()
        try await stream.send(
          ImportChunk(firstLine: 1, lines: [Example.line(1)], receipts: [Example.receipt(2)]))
        try? await stream.finish()
        for try await _ in stream.replies {}
      }?.code
      #expect(code == .invalidArgument)
      #expect(try await fixture.exported().isEmpty)
    }
  }

  @Test("a caller that waits for each answer before it sends the next chunk gets it")
  func inStep() async throws {
    try await ConsentFixture.run { fixture async throws in
      let stream = try await fixture.client.import(options: CallOptions(timeoutMs: 10_000))
      var replies = stream.replies.makeAsyncIterator()
      for line in UInt64(1)...3 {
        try await stream.send(ImportChunk(firstLine: line, lines: [Example.line(line)]))
        let progress = try #require(try await replies.next())
        #expect(progress.lastLine == line && progress.accepted == line)
      }
      try await stream.finish()
      #expect(try await replies.next() == nil)
    }
  }

  @Test("an import that is repeated adds nothing")
  func repeated() async throws {
    try await ConsentFixture.run { fixture async throws in
      let lines = (1...250).map { Example.line(UInt64($0)) }
      _ = try await fixture.importing(lines)
      let again = try #require(try await fixture.importing(lines).last)
      #expect([again.accepted, again.duplicates, again.rejected] == [0, 250, 0])
      #expect(try await fixture.exported().count == 250)
    }
  }

  @Test("what is exported can be imported elsewhere and counts the same")
  func roundTrip() async throws {
    let (lines, receipts) = try await ConsentFixture.run { fixture async throws in
      try await fixture.grant(1, scopes: ["product_recs", "analytics"])
      try await fixture.withdraw(1, scopes: ["analytics"])
      try await fixture.grant(2)
      try await fixture.withdraw(2)
      try await fixture.grant(2)
      _ = try await fixture.client.erase(
        EraseRequest(pid: Example.pid(3).bytes, ground: "gdpr-17-1-b"))
      return (
        try await fixture.exported(),
        try await fixture.client.history(HistoryRequest(pid: Example.pid(2).bytes)).receipts
      )
    }
    #expect(lines.count == 6)
    #expect(lines[1].hasSuffix("\"kind\":\"withdrawal\"}"))
    try await ConsentFixture.run { fixture async throws in
      let progress = try #require(try await fixture.importing(lines).last)
      #expect(progress.accepted == 6)
      #expect(try await fixture.exported() == lines)
      #expect(try await fixture.reason(1) == .granted)
      #expect(try await fixture.reason(1, "analytics") == .withdrawn)
      #expect(try await fixture.reason(2) == .granted)
      #expect(try await fixture.reason(3) == .erased)
      let history = try await fixture.client.history(HistoryRequest(pid: Example.pid(2).bytes))
      #expect(history.receipts.map(\.consentID) == receipts.map(\.consentID))
      #expect(history.receipts.map(\.grantedAtUs) == receipts.map(\.grantedAtUs))
    }
  }

  @Test("an export goes on where it ended")
  func exportResumes() async throws {
    try await ConsentFixture.run { fixture async throws in
      _ = try await fixture.importing((1...8).map { Example.line(UInt64($0)) })
      #expect(try await fixture.exported(after: 5) == (6...8).map { Example.line(UInt64($0)) })
      #expect(try await fixture.exported(after: 8).isEmpty)
    }
  }

  @Test("an old export cannot undo a withdrawal")
  func oldExport() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await fixture.withdraw(1)
      let progress = try #require(try await fixture.importing([Example.line(1)]).last)
      #expect(progress.rejected == 1)
      #expect(progress.rejects.first?.reason.contains("was taken back at") == true)
      #expect(try await fixture.reason(1) == .withdrawn)
    }
  }

  @Test("an empty import is answered with nothing")
  func empty() async throws {
    try await ConsentFixture.run { fixture async throws in
      let progress = try await fixture.importing([])
      #expect(progress.isEmpty)
    }
  }
}

@Suite("Watching the change feed")
struct WatchTests {
  @Test("every change comes once and in order, and the feed goes on after a position")
  func resumes() async throws {
    try await ConsentFixture.run { fixture async throws in
      for person in 1...7 { try await fixture.grant(UInt64(person)) }
      func watch(after: UInt64) async throws -> [UInt64] {
        var sequences: [UInt64] = []
        var completeTo: UInt64 = 0
        for try await batch in try await fixture.client.watch(WatchRequest(afterSequence: after)) {
          sequences += batch.changes.map(\.sequence)
          completeTo = batch.completeTo
        }
        #expect(completeTo == 7)
        return sequences
      }
      #expect(try await watch(after: 0) == Array(1...7))
      #expect(try await watch(after: 4) == [5, 6, 7])
      #expect(try await watch(after: 7) == [])
    }
  }

  @Test("a watcher that follows gets changes as they come")
  func follows() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await fixture.grant(1)
      let stream = try await fixture.client.watch(WatchRequest(afterSequence: 0, follow: true))
      var iterator = stream.makeAsyncIterator()
      #expect(try await iterator.next()?.changes.map(\.sequence) == [1])
      try await fixture.withdraw(1)
      let batch = try #require(try await iterator.next())
      #expect(batch.changes.map(\.kind) == [.withdrawal])
      #expect(batch.completeTo == 2)
      stream.cancel()
    }
  }
}
