internal import Cryptography
internal import Glibc
internal import PrivacyCore

/// The thread that seals everything under the current key that is sealed under another one of the
/// store's own: rows of the tables, then the changes that the journal keeps. Rows under a person's key
/// stay as they are: that key is not the store's.
///
/// It goes beneath the transactions: what a row says does not change, so that nothing is journalled
/// and no position is taken. Each step looks for values in a read transaction and seals them in a
/// short write transaction, which reads them once more: a row that changed meanwhile is found as it
/// is now. What callers wrote is newer than what the tables hold, lies in memory above them, and is
/// sealed under the new key already.
struct Resealer: ~Copyable {
  let core: StoreCore
  private var mark: ResealMark

  /// How much the thread steps back behind those that callers wait for: a nice value.
  private static let niceness: Int32 = 10
  /// How long to wait after a failure, in seconds.
  private static let retryDelay = 1.0
  /// The most rows that one read transaction looks at.
  static let scannedCountMax = 20_000
  /// The most values, and about the most bytes of them, that one write transaction seals.
  private static let batchCountMax = 1_000
  static let batchByteCountMax = 1 << 20
  /// A write transaction of the journal keeps callers waiting.
  static let journalBatchCountMax = 256

  init(_ core: StoreCore, _ mark: ResealMark) {
    self.core = core
    self.mark = mark
  }

  consuming func run() {
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
    while true {
      do throws(StoreError) {
        let isFinished = try work()
        end(isFinished ? .done : .paused)
        return
      } catch {
        let failure = error
        report { $0.failure = failure }
        if failure == .closed || !sleep(seconds: Self.retryDelay) { break }
      }
    }
    end(.paused)
  }

  private func end(_ state: ResealProgress.State) {
    core.resealing.update { resealing in
      resealing.isRunning = false
      resealing.progress?.state = state
      if let since = resealing.since {
        resealing.progress?.runningSeconds = (ContinuousClock.now - since) / .seconds(1)
      }
      resealing.since = nil
    }
  }

  private func report(_ body: (inout ResealProgress) -> Void) {
    core.resealing.update { resealing in
      if var progress = resealing.progress {
        body(&progress)
        resealing.progress = progress
      }
    }
  }

  /// Answers `false` when the job is to stop.
  private func sleep(seconds: Double) -> Bool {
    core.resealing.wait(seconds: seconds) { $0.wanted == .run ? nil : () } == nil
  }

  private var mayGoOn: Bool { core.resealing.withLock { $0.wanted == .run } }

  // MARK: - The job

  /// Answers whether it came to the end.
  private mutating func work() throws(StoreError) -> Bool {
    report { $0.part = "waiting" }
    guard try waitForTables() else { return false }
    report { $0.part = "counting" }
    guard let usage = try core.keyUsage(while: { self.mayGoOn }) else { return false }
    let target = mark.target
    report { progress in
      progress.resealedCount = 0
      progress.valueCount = usage.valueCount { $0 != target && $0 != .subject }
      progress.failure = nil
    }
    try renewKeyCheck()
    for table in core.catalog.tables.sorted(by: { $0.id < $1.id }) where table.id >= mark.tableID {
      report { $0.part = table.name }
      guard try reseal(table) else { return false }
    }
    report { $0.part = "journal" }
    guard try resealJournal() else { return false }
    report { $0.part = "proving" }
    guard let proof = try core.keyUsage(while: { self.mayGoOn }) else { return false }
    guard proof.valueCount({ $0 != target && $0 != .subject }) == 0 else {
      // What was skipped is looked for again from the start.
      mark = ResealMark(state: .running, target: target)
      try core.writeResealMark(mark)
      throw .corrupted("rows under other keys came up again")
    }
    mark.state = .done
    try core.writeResealMark(mark)
    return true
  }

  /// Waits until the tables hold what was acknowledged before the current key was: that may be sealed
  /// under another key, and lie in memory from where it would come into the tables behind the walk.
  private func waitForTables() throws(StoreError) -> Bool {
    let wanted = core.overlay.withLock { $0.published }
    while true {
      core.queue.update { $0.isApplyWanted = true }
      let (isThere, failure) = core.overlay.withLock { ($0.applied >= wanted, $0.applyFailure) }
      if isThere { return true }
      if let failure { throw failure }
      guard sleep(seconds: 0.02) else { return false }
    }
  }

  /// The text that tells a wrong key when the store is opened.
  private func renewKeyCheck() throws(StoreError) {
    let transaction = try core.tables.beginWrite()
    guard let stored = unsafe try transaction.get(core.meta, MetaKey.identity) else {
      throw .corrupted("there is no store")
    }
    var identity = try unsafe StoreIdentity(stored)
    let keys = core.catalog.keys
    guard try identity.checkKeys(keys) else { return }
    identity.keyCheck = try identity.sealedKeyCheck(keys)
    try transaction.put(core.meta, MetaKey.identity, identity.encoded)
    try transaction.commit()
    report { $0.resealedCount += 1 }
  }

  // MARK: - Tables

  private mutating func reseal(_ table: any StoreTableDescribing) throws(StoreError) -> Bool {
    if mark.tableID != table.id { (mark.tableID, mark.key) = (table.id, []) }
    let database = try core.catalog.database(id: table.id)
    while true {
      let found = try core.rowsToReseal(
        in: database, after: mark.key, target: mark.target, countMax: batchCount)
      mark.key = found.last ?? mark.key
      let count = found.keys.isEmpty ? 0 : try write(found.keys, database)
      report { progress in
        progress.resealedCount += count
        progress.failure = nil
      }
      guard try keepPace(count) else { return false }
      if found.isEnd { return true }
    }
  }

  /// Seals the rows that are still under another key; answers how many.
  private func write(_ keys: [[UInt8]], _ database: UInt32) throws(StoreError) -> Int {
    let transaction = try core.tables.beginWrite()
    let count = try core.reseal(keys, database, tableID: mark.tableID, transaction)
    try transaction.put(core.meta, MetaKey.reseal, mark.encoded)
    try transaction.commit()
    return count
  }

  // MARK: - The journal

  private mutating func resealJournal() throws(StoreError) -> Bool {
    (mark.tableID, mark.key) = (ResealMark.journalID, [])
    try core.writeResealMark(mark)
    var place = try core.journalResealMark(target: mark.target)
    while true {
      let found = try core.entriesToReseal(
        after: place.position, target: mark.target,
        countMax: min(batchCount, Self.journalBatchCountMax))
      place.position = max(place.position, found.last)
      let count = found.positions.isEmpty ? 0 : try write(found.positions, place)
      report { $0.resealedCount += count }
      guard try keepPace(count) else { return false }
      if found.isEnd { return true }
    }
  }

  private func write(_ positions: [UInt64], _ place: JournalResealMark) throws(StoreError) -> Int {
    let transaction = try core.journal.environment.beginWrite()
    var count = 0
    for position in positions { count += try core.reseal(entry: position, transaction) }
    try transaction.put(core.journal.meta, MetaKey.reseal, place.encoded)
    try transaction.commit()
    return count
  }

  // MARK: - Pace

  /// So many that a slow pace does not make long pauses.
  private var batchCount: Int {
    let pace = core.resealing.withLock { $0.pace.valuesPerSecondMax }
    return min(Self.batchCountMax, max(1, pace / 10))
  }

  /// Waits as long as `count` values may take; answers whether the job goes on.
  private func keepPace(_ count: Int) throws(StoreError) -> Bool {
    let pace = core.resealing.withLock { $0.pace.valuesPerSecondMax }
    guard count > 0, pace < ResealPace.range.upperBound else { return mayGoOn }
    return sleep(seconds: Double(count) / Double(pace))
  }
}
