internal import Logging
internal import PrivacyCore
internal import RPC
internal import RPCTestSupport
internal import Renaming
internal import Synchronization
internal import TestSupport
internal import Testing
internal import VaultAPI

@Suite("A service tells the vault how far it is with a rotation")
struct RekeyReporterTests {
  let time = ManualTime(now: Timestamp(seconds: 1_768_048_496))

  @Test("without a rotation it asks whether there is one")
  func noRotation() async throws {
    try await withStage { stage in
      _ = try await stage.report()
      #expect(stage.vault.reports.map(\.rotation) == [0])
      #expect(stage.part.retired.isEmpty)
    }
  }

  @Test("it tells its progress, and does not scan before new pids are given out")
  func dualWrite() async throws {
    try await withStage { stage in
      stage.vault.news = RotationNews(rotation: 3, phase: .dualWrite, renamings: 2)
      stage.part.progress = Self.progress(renamings: 2, moved: 7)
      _ = try await stage.report()
      #expect(stage.vault.reports.map(\.rotation) == [0, 3])
      #expect(stage.vault.reports.last?.rowsMoved == 7)
      #expect(stage.vault.reports.last?.scan == nil)
    }
  }

  @Test(
    "a scan waits for all renamings and for everything to be moved",
    arguments: [
      (renamings: UInt64(4), peopleLeft: UInt64(0)), (renamings: 5, peopleLeft: 1),
    ])
  func notYet(_ state: (renamings: UInt64, peopleLeft: UInt64)) async throws {
    try await withStage { stage in
      stage.vault.news = RotationNews(rotation: 1, phase: .dualRead, renamings: 5)
      var progress = Self.progress(renamings: state.renamings, moved: 0)
      progress.peopleLeft = state.peopleLeft
      stage.part.progress = progress
      _ = try await stage.report()
      #expect(stage.vault.reports.last?.scan == nil)
      stage.part.progress = Self.progress(renamings: 5, moved: 0)
      _ = try await stage.report()
      #expect(stage.vault.reports.last?.scan?.rotation == 1)
    }
  }

  @Test("a scan asks about every pid, in pages, and counts what is former and what is unknown")
  func scan() async throws {
    try await withStage { stage in
      let people = (0..<9_000).map { Self.pid($0) }.sorted()
      stage.part.rows = people.map { ($0, 3) }
      stage.vault.former = [people[0], people[8_999]]
      stage.vault.forgotten = [people[4_096]]
      stage.vault.unknown = Set(people[100..<120])
      stage.vault.news = RotationNews(rotation: 1, phase: .dualRead, renamings: 5)
      stage.part.progress = Self.progress(renamings: 5, moved: 0)
      _ = try await stage.report()
      let scan = try #require(stage.vault.reports.last?.scan)
      #expect(scan.phase == .dualRead)
      #expect(scan.renamings == 5)
      #expect(scan.pids == 9_000)
      #expect(scan.rows == 27_000)
      #expect(scan.formerRows == 6)
      #expect(scan.unknownRows == 60)
      #expect(scan.unknownPids == people[100..<116].map(\.bytes))
      #expect(stage.vault.asked.map(\.count) == [4_096, 4_096, 808])
    }
  }

  @Test("a clean scan is enough until somebody else is renamed; another one is repeated")
  func again() async throws {
    try await withStage { stage in
      stage.part.rows = [(Self.pid(1), 1)]
      stage.vault.news = RotationNews(rotation: 1, phase: .dualRead, renamings: 1)
      stage.part.progress = Self.progress(renamings: 1, moved: 0)
      _ = try await stage.report()
      _ = try await stage.report()
      #expect(stage.vault.asked.count == 1)
      stage.vault.news.renamings = 2
      stage.part.progress = Self.progress(renamings: 2, moved: 0)
      stage.vault.unknown = [Self.pid(1)]
      _ = try await stage.report()
      #expect(stage.vault.asked.count == 2)
      // Not at once: the rows have to go first.
      _ = try await stage.report()
      #expect(stage.vault.asked.count == 2)
      time.advance(microseconds: 5_000_000)
      stage.vault.unknown = []
      _ = try await stage.report()
      #expect(stage.vault.asked.count == 3)
      #expect(stage.vault.reports.last?.scan?.unknownRows == 0)
    }
  }

  @Test("a rotation that is over is forgotten once, also at the next start")
  func retire() async throws {
    try await withStage { stage in
      stage.vault.news = RotationNews(retiredRotation: 2)
      _ = try await stage.report()
      _ = try await stage.report()
      #expect(stage.part.retired == [2])
      stage.memory = RekeyReporter.Memory()
      _ = try await stage.report()
      #expect(stage.part.retired == [2, 2])
    }
  }

  @Test("a vault that judges fewer pids than asked is not believed")
  func shortAnswer() async throws {
    try await withStage { stage in
      stage.part.rows = [(Self.pid(1), 1), (Self.pid(2), 1)]
      stage.vault.isShort = true
      stage.vault.news = RotationNews(rotation: 1, phase: .dualRead)
      await #expect(throws: RPCError.self) { try await stage.report() }
      #expect(stage.vault.reports.last?.scan == nil)
    }
  }

  @Test("it goes on by itself, past an outage of the vault")
  func outage() async throws {
    try await withStage { stage in
      stage.vault.failureCount = 1
      stage.vault.news = RotationNews(rotation: 1, phase: .dualWrite, reportAfterMs: 1)
      let running = Task { try await stage.reporter.run() }
      let end = ContinuousClock.now + .seconds(20)
      while stage.vault.reports.count < 3, ContinuousClock.now < end {
        try await Task.sleep(for: .milliseconds(5))
      }
      running.cancel()
      await #expect(throws: CancellationError.self) { try await running.value }
      #expect(stage.vault.reports.count >= 3)
    }
  }

  // MARK: - The stage

  private static func progress(renamings: UInt64, moved: UInt64) -> RekeyProgress {
    var progress = RekeyProgress()
    progress.renamings = renamings
    progress.rowsMoved = moved
    return progress
  }

  private static func pid(_ number: UInt64) -> PseudonymousID {
    PseudonymousID(words: (number &* 0x9E37_79B9_7F4A_7C15, 0, 0, number))
  }

  private func withStage(_ body: (Stage) async throws -> Void) async throws {
    let vault = StubRotation()
    try await withLoopbackServer({ vault.register(on: &$0) }) { connection in
      let part = StubPart()
      let reporter = RekeyReporter(
        vault: RotationClient(connection), part: part, time: time,
        log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
      try await body(Stage(vault: vault, part: part, reporter: reporter))
    }
  }
}

private final class Stage: Sendable {
  let vault: StubRotation
  let part: StubPart
  let reporter: RekeyReporter
  private let kept = Mutex(RekeyReporter.Memory())

  init(vault: StubRotation, part: StubPart, reporter: RekeyReporter) {
    self.vault = vault
    self.part = part
    self.reporter = reporter
  }

  var memory: RekeyReporter.Memory {
    get { kept.withLock { $0 } }
    set { kept.withLock { $0 = newValue } }
  }

  @discardableResult
  func report() async throws -> RotationNews {
    var memory = memory
    defer { self.memory = memory }
    return try await reporter.report(&memory)
  }
}

/// A service with rows that a test lists.
private final class StubPart: RekeyPart {
  private struct State {
    var progress = RekeyProgress()
    var rows: [(pid: PseudonymousID, rowCount: Int)] = []
    var retired: [UInt32] = []
  }

  private let state = Mutex(State())

  var progress: RekeyProgress {
    get { state.withLock { $0.progress } }
    set { state.withLock { $0.progress = newValue } }
  }

  var rows: [(pid: PseudonymousID, rowCount: Int)] {
    get { state.withLock { $0.rows } }
    set { state.withLock { $0.rows = newValue } }
  }

  var retired: [UInt32] { state.withLock { $0.retired } }

  func progress(of rotation: UInt32) throws -> RekeyProgress { progress }

  func pids(
    after pid: PseudonymousID?, limit: Int
  ) throws -> [(pid: PseudonymousID, rowCount: Int)] {
    Array(rows.filter { row in pid.map { $0 < row.pid } ?? true }.prefix(limit))
  }

  func retire(_ rotation: UInt32) async throws { state.withLock { $0.retired.append(rotation) } }
}

/// A vault whose news and whose judgements a test sets.
private final class StubRotation: RotationServing {
  private struct State {
    var news = RotationNews()
    var former: Set<PseudonymousID> = []
    var forgotten: Set<PseudonymousID> = []
    var unknown: Set<PseudonymousID> = []
    var isShort = false
    var failureCount = 0
    var reports: [RekeyReport] = []
    var asked: [[PseudonymousID]] = []
  }

  private let state = Mutex(State())

  var news: RotationNews {
    get { state.withLock { $0.news } }
    set { state.withLock { $0.news = newValue } }
  }
  var former: Set<PseudonymousID> {
    get { state.withLock { $0.former } }
    set { state.withLock { $0.former = newValue } }
  }
  var forgotten: Set<PseudonymousID> {
    get { state.withLock { $0.forgotten } }
    set { state.withLock { $0.forgotten = newValue } }
  }
  var unknown: Set<PseudonymousID> {
    get { state.withLock { $0.unknown } }
    set { state.withLock { $0.unknown = newValue } }
  }
  var isShort: Bool {
    get { state.withLock { $0.isShort } }
    set { state.withLock { $0.isShort = newValue } }
  }
  var failureCount: Int {
    get { state.withLock { $0.failureCount } }
    set { state.withLock { $0.failureCount = newValue } }
  }
  var reports: [RekeyReport] { state.withLock { $0.reports } }
  var asked: [[PseudonymousID]] { state.withLock { $0.asked } }

  func report(_ request: RekeyReport, context: CallContext) async throws -> RotationNews {
    try state.withLock { state in
      guard state.failureCount == 0 else {
        state.failureCount -= 1
        throw RPCError(.unavailable, "not now")
      }
      state.reports.append(request)
      return state.news
    }
  }

  func standings(
    _ request: StandingsRequest, context: CallContext
  ) async throws -> StandingsReply {
    state.withLock { state in
      let pids = request.pids.compactMap { PseudonymousID(bytes: $0) }
      state.asked.append(pids)
      let standings = pids.map { pid -> PidStanding in
        if state.former.contains(pid) { return .former }
        if state.forgotten.contains(pid) { return .forgotten }
        return state.unknown.contains(pid) ? .unspecified : .current
      }
      return StandingsReply(
        standings: standings.dropLast(state.isShort ? 1 : 0).map { UInt8($0.rawValue) })
    }
  }

  private static let unused = RPCError(.unimplemented, "not part of these tests")

  func begin(
    _ request: BeginRotationRequest, context: CallContext
  ) async throws -> RotationStatus { throw Self.unused }
  func advance(
    _ request: AdvanceRotationRequest, context: CallContext
  ) async throws -> RotationStatus { throw Self.unused }
  func abandon(
    _ request: AbandonRotationRequest, context: CallContext
  ) async throws -> RotationStatus { throw Self.unused }
  func status(
    _ request: RotationStatusRequest, context: CallContext
  ) async throws -> RotationStatus { throw Self.unused }
  func renamings(
    _ request: RenamingsRequest, context: CallContext
  ) async throws -> RenamingsReply { throw Self.unused }
}
