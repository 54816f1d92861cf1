internal import AuditLog
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("What a log says of a time window")
struct WindowTests {
  private static let minute: Int64 = 60_000_000

  private func pid(_ seed: UInt8) throws -> PseudonymousID {
    try #require(PseudonymousID(bytes: [UInt8](repeating: seed, count: 32)))
  }

  private func entry(
    _ action: String, by principal: String, _ people: UInt8...
  ) throws -> AuditEntry {
    AuditEntry(
      principal: principal, action: action, purpose: "care", pids: try people.map(pid))
  }

  /// Entries at minutes 0, 1, 2 and 3, with reads in minutes 1 and 2 that are logged in minute 3.
  private func withFilledLog(
    _ body: (AuditLog, SealedStore, ManualTime, Timestamp) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory in
      let store = try LogFixture.openStore(at: directory)
      defer { store.close() }
      let time = ManualTime()
      var configuration = AuditLogConfiguration()
      configuration.readIntervalMs = 600_000_000
      let log = try LogFixture.log(store, time: time, configuration: configuration)
      let start = time.now
      try await log.append(entry("vault.show", by: "a", 1))
      time.advance(microseconds: Self.minute)
      try await log.append(entry("vault.show", by: "a", 2, 3))
      try log.recordRead(entry("features.get", by: "b", 2))
      time.advance(microseconds: Self.minute)
      try await log.append(entry("vault.show", by: "a", 3))
      try await log.append(entry("vault.show", by: "c", 4), under: LogFixture.subjectKey(1))
      try log.recordRead(entry("features.get", by: "b", 2))
      try log.recordRead(entry("features.get", by: "b", 5))
      time.advance(microseconds: Self.minute)
      try await log.append(entry("vault.show", by: "a", 6))
      try await log.flushReads()
      try await body(log, store, time, start)
    }
  }

  private func at(_ start: Timestamp, _ minutes: Int64) -> Timestamp {
    start.advanced(byMicroseconds: minutes * Self.minute)
  }

  @Test("who did what how often to how many people, from its first moment to before its last")
  func lines() async throws {
    try await withFilledLog { log, _, _, start in
      let window = try log.window(from: at(start, 1), to: at(start, 3))
      #expect(window.firstNumber == 2)
      // The batch of the reads is logged last.
      #expect(window.lastNumber == 6)
      #expect(window.lines.map(\.action) == ["features.get", "vault.show"])
      #expect(window.lines.map(\.principal) == ["b", "a"])
      #expect(window.lines.map(\.count) == [3, 2])
      #expect(window.lines.map(\.pidCount) == [2, 2])
      #expect(window.lines.map(\.isRead) == [true, false])
      #expect(window.lines[1].first == at(start, 1) && window.lines[1].last == at(start, 2))
      #expect(try window.pids == [pid(2), pid(3), pid(5)])
      #expect(window.readBatchCount == 1 && window.readCount == 3)
      #expect(window.closedCount == 1, "the entry under a person's key")
      #expect(window.gaps.isEmpty)
    }
  }

  @Test("a read counts when it was, not when it was logged")
  func readTimes() async throws {
    try await withFilledLog { log, _, _, start in
      let first = try log.window(from: at(start, 1), to: at(start, 2))
      #expect(first.readCount == 1)
      let second = try log.window(from: at(start, 2), to: at(start, 3))
      #expect(second.readCount == 2)
      let third = try log.window(from: at(start, 3), to: at(start, 4))
      #expect(third.readCount == 0 && third.readBatchCount == 0)
      #expect(third.lines.map(\.count) == [1])
    }
  }

  @Test("forgotten reads are counted and not told")
  func forgotten() async throws {
    try await withFilledLog { log, store, _, start in
      try await store.write { try log.forgetRead(index: 5, position: 2, in: &$0) }
      let window = try log.window(from: at(start, 1), to: at(start, 3))
      #expect(window.readCount == 3)
      #expect(window.closedCount == 2)
      #expect(try window.pids == [pid(2), pid(3)])
    }
  }

  @Test("a gap that overlaps with the window is told, also when it was logged later")
  func gaps() async throws {
    try await withFilledLog { log, store, time, start in
      // A service that was not closed logs at its next start that reads may be missing.
      try await log.start()
      time.advance(microseconds: 10 * Self.minute)
      let again = try LogFixture.log(store, time: time)
      try await again.start()
      let window = try again.window(from: at(start, 5), to: at(start, 6))
      #expect(window.firstNumber == 0 && window.lines.isEmpty)
      #expect(window.gaps.map(\.reason) == ["unclean-stop"])
      #expect(try again.window(from: at(start, 0), to: at(start, 2)).gaps.isEmpty)
    }
  }

  @Test("an empty log has an empty window")
  func empty() async throws {
    try await LogFixture.withLog { log, _ in
      let window = try log.window(from: Timestamp(seconds: 0), to: Timestamp(seconds: 1))
      #expect(window.firstNumber == 0 && window.lastNumber == 0 && window.pids.isEmpty)
    }
  }
}
