internal import AuditAPI
internal import AuditLog
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing
internal import TransparencyLog

@Suite("Batches of reads and gaps")
struct ReadTests {
  /// Collects only when told to.
  private func quiet() -> AuditLogConfiguration {
    var configuration = AuditLogConfiguration()
    configuration.readIntervalMs = 600_000
    return configuration
  }

  private func leaves(_ log: AuditLog) throws -> [LogLeaf] {
    try (0..<log.count()).map { try LogLeaf(encoded: log.leaf(at: $0)) }
  }

  @Test("the reads of an interval become one entry, and each is provable against its root")
  func batch() async throws {
    try await LogFixture.withLog(configuration: quiet()) { log, _ in
      for index in 0..<13 {
        try log.recordRead(LogFixture.entry("features.get", [("index", "\(index)")]))
      }
      #expect(try log.count() == 0)
      try await log.flushReads()
      #expect(try log.count() == 1)
      let leaf = try leaves(log)[0]
      guard case .reads(let count, _) = leaf.content else {
        Issue.record("no batch")
        return
      }
      #expect(count == 13)
      #expect(leaf.action == AuditLog.readsAction)
      #expect(try log.reads(of: 0).map { $0.record.details[0].value } == (0..<13).map(String.init))
      for position in 0..<13 {
        let proof = try log.readProof(index: 0, position: UInt32(position))
        let opening = try log.readOpening(index: 0, position: UInt32(position))
        try proof.verify(salt: opening.salt, content: opening.content)
        let other = try log.readOpening(index: 0, position: UInt32((position + 1) % 13))
        #expect(throws: TransparencyLogError.notIncluded(leafIndex: UInt64(position), treeSize: 13))
        {
          try proof.verify(salt: other.salt, content: other.content)
        }
      }
      #expect(throws: AuditLogError.noSuchEntry(index: 0)) {
        try log.readProof(index: 0, position: 13)
      }
      #expect(try log.verify() == .intact(entryCount: 1))
      // With nothing new, nothing is logged.
      try await log.flushReads()
      #expect(try log.count() == 1)
    }
  }

  @Test("a read forgotten leaves the others provable; a batch dropped keeps its count")
  func forgetting() async throws {
    try await LogFixture.withLog(configuration: quiet()) { log, store in
      for index in 0..<5 { try log.recordRead(LogFixture.entry("r.\(index)")) }
      try await log.flushReads()
      try await store.write { try log.forgetRead(index: 0, position: 2, in: &$0) }
      #expect(try log.reads(of: 0).map(\.position) == [0, 1, 3, 4])
      #expect(throws: AuditLogError.noSuchEntry(index: 0)) {
        try log.readOpening(index: 0, position: 2)
      }
      let opening = try log.readOpening(index: 0, position: 3)
      try log.readProof(index: 0, position: 3).verify(
        salt: opening.salt, content: opening.content)
      try await store.write { try log.dropReads(of: 0, in: &$0) }
      #expect(try log.reads(of: 0).isEmpty)
      try log.readProof(index: 0, position: 3).verify(
        salt: opening.salt, content: opening.content)
      #expect(try log.verify() == .intact(entryCount: 1))
    }
  }

  @Test("reads are logged by themselves after the interval")
  func byThemselves() async throws {
    var configuration = AuditLogConfiguration()
    configuration.readIntervalMs = 20
    try await LogFixture.withLog(configuration: configuration) { log, _ in
      for round in 1...2 {
        try log.recordRead(LogFixture.entry("r"))
        let clock = ContinuousClock()
        let start = clock.now
        while try log.count() < round, clock.now - start < .seconds(5) {
          try await Task.sleep(for: .milliseconds(5))
        }
        #expect(try log.count() == UInt64(round))
      }
    }
  }

  @Test("a batch has at most so many reads; the rest makes further ones")
  func batchLimit() async throws {
    var configuration = quiet()
    configuration.readBatchCountMax = 4
    try await LogFixture.withLog(configuration: configuration) { log, _ in
      for _ in 0..<4 { try log.recordRead(LogFixture.entry("r")) }
      try await log.flushReads()
      #expect(try log.count() == 1)
      for _ in 0..<5 { try log.recordRead(LogFixture.entry("r")) }
      try await log.flushReads()
      let counts = try leaves(log).compactMap { leaf -> UInt64? in
        guard case .reads(let count, _) = leaf.content else { return nil }
        return count
      }
      #expect(counts == [4, 4, 1])
    }
  }

  @Test("reads past what may wait are lost, and a gap says how many, from when to when")
  func lostReads() async throws {
    var configuration = quiet()
    configuration.waitingReadCountMax = 3
    let time = ManualTime(now: Timestamp(seconds: 1_000))
    try await withTemporaryDirectory { directory in
      let store = try LogFixture.openStore(at: directory)
      defer { store.close() }
      let log = try LogFixture.log(store, time: time, configuration: configuration)
      for _ in 0..<3 { try log.recordRead(LogFixture.entry("r")) }
      try await log.flushReads()
      #expect(try leaves(log).count == 1)
      for _ in 0..<5 {
        time.advance(microseconds: 1_000_000)
        try log.recordRead(LogFixture.entry("r"))
      }
      try await log.flushReads()
      #expect(
        try leaves(log)[1].content
          == .gap(from: 1_004, to: 1_005, reason: "reads-lost"))
      let gap = try #require(try log.records(limit: 9).first { $0.action == AuditLog.gapAction })
      #expect(gap.details.contains(AuditDetail(name: "count", value: "2")))
      guard case .reads(3, _) = try leaves(log)[2].content else {
        Issue.record("the three that could wait are a batch")
        return
      }
      #expect(try log.verify() == .intact(entryCount: 3))
    }
  }

  @Test("reads of too many bytes are lost as well")
  func lostBytes() async throws {
    var configuration = quiet()
    try await LogFixture.withLog(configuration: configuration) { log, _ in
      try log.recordRead(LogFixture.entry("r"))
      try await log.flushReads()
      let row = try log.readOpening(index: 0, position: 0)
      configuration.waitingReadByteCountMax = 2 * (row.content.count + 64)
    }
    try await LogFixture.withLog(configuration: configuration) { log, _ in
      for _ in 0..<2 { try log.recordRead(LogFixture.entry("r")) }
      try await log.flushReads()
      #expect(try log.count() == 1)
      for _ in 0..<3 { try log.recordRead(LogFixture.entry("r")) }
      try await log.flushReads()
      #expect(
        try log.records(limit: 9).map(\.action) == ["audit.reads", "audit.gap", "audit.reads"])
    }
  }

  @Test("reads that could not be logged wait for the next attempt")
  func retried() async throws {
    try await withTemporaryDirectory { directory in
      let store = try LogFixture.openStore(at: directory)
      let log = try LogFixture.log(store, configuration: quiet())
      try log.recordRead(LogFixture.entry("r"))
      store.close()
      for _ in 0..<2 {
        await #expect(throws: StoreError.closed) { try await log.flushReads() }
      }
    }
  }

  @Test("a log that was not closed begins with a gap, one that was closed does not")
  func uncleanStop() async throws {
    try await withTemporaryDirectory { directory in
      let time = ManualTime(now: Timestamp(seconds: 1_000))
      func withStart(
        closing: Bool, _ body: (AuditLog) async throws -> Void
      ) async throws {
        let store = try LogFixture.openStore(at: directory)
        defer { store.close() }
        let log = try LogFixture.log(store, time: time, configuration: quiet())
        try await log.start()
        try await body(log)
        if closing { try await log.close() }
      }
      try await withStart(closing: true) { log in
        #expect(try log.count() == 0)
        try await log.append(LogFixture.entry("a"))
        try log.recordRead(LogFixture.entry("r"))
      }
      time.advance(microseconds: 60_000_000)
      try await withStart(closing: false) { log in
        // What waited was logged at the close.
        #expect(try leaves(log).map(\.action) == ["a", "audit.reads"])
        time.advance(microseconds: 5_000_000)
        try log.recordRead(LogFixture.entry("r"))
        try await log.flushReads()
        try log.recordRead(LogFixture.entry("lost.in.memory"))
      }
      time.advance(microseconds: 60_000_000)
      try await withStart(closing: true) { log in
        let leaf = try #require(try leaves(log).last)
        #expect(leaf.action == AuditLog.gapAction)
        #expect(leaf.content == .gap(from: 1_065, to: 1_125, reason: "unclean-stop"))
        #expect(try log.verify() == .intact(entryCount: 4))
      }
      // A clock that was set back makes an empty gap, not a false one.
      try await withStart(closing: false) { _ in }
      time.jump(to: Timestamp(seconds: 10))
      try await withStart(closing: true) { log in
        let leaf = try #require(try leaves(log).last)
        guard case .gap(let from, let to, _) = leaf.content else {
          Issue.record("no gap")
          return
        }
        #expect(from == to)
      }
    }
  }
}
