package import Cryptography
package import PrivacyCore
internal import Synchronization

/// A store that lives in memory, for simulations and tests: the same transactions, sealing,
/// snapshots and group commits as on disk, without files and threads.
///
/// `@unchecked Sendable`: the writer's state is touched only under `turn`; the rest is behind locks.
final class MemoryCore: StoreEngine, @unchecked Sendable {
  typealias Schedule = @Sendable (@escaping @Sendable () -> Void) -> Void

  private struct State {
    var waiting: [any QueuedWrite] = []
    var published: UInt64
    var isScheduled = false
    var writeFailure: StoreError?
    var isClosed = false
  }

  let storeID: [UInt8]

  /// A store in memory is never restored.
  var historyID: [UInt8] { storeID }
  private let disk: MemoryDisk
  private let catalog: Catalog
  private let configuration: StoreConfiguration
  private let schedule: Schedule
  private let pending = PendingChanges()
  private let state: Mutex<State>
  private let rows: Mutex<Memtable>
  /// Lets in one commit, or the end, at a time.
  private let turn = Mutex(())

  init(
    on disk: MemoryDisk, keys: SealingKeyRing, tables: [any StoreTableDescribing],
    configuration: StoreConfiguration, random: some RandomSource, schedule: @escaping Schedule
  ) throws(StoreError) {
    let databases = Dictionary(
      tables.map { ($0.id, UInt32($0.id)) }, uniquingKeysWith: { first, _ in first })
    precondition(databases.count == tables.count, "two tables with one number")
    catalog = Catalog(keys: keys, tables: tables, databases: databases)
    self.disk = disk
    self.configuration = configuration
    self.schedule = schedule
    let newID = random.bytes(count: StoreIdentity.storeIDByteCount)
    let found = disk.state.withLock { state -> (id: [UInt8], entries: [[UInt8]])? in
      if state.isOpen { return nil }
      state.isOpen = true
      if state.storeID.isEmpty { state.storeID = newID }
      return (state.storeID, state.entries)
    }
    guard let found else { throw .alreadyOpen("a disk in memory") }
    storeID = found.id
    let table = try Self.rows(found.entries)
    rows = Mutex(table)
    state = Mutex(State(published: UInt64(found.entries.count)))
  }

  private static func rows(_ entries: [[UInt8]]) throws(StoreError) -> Memtable {
    let table = Memtable(after: 0)
    for (index, entry) in entries.enumerated() {
      try insert(entry, at: UInt64(index) + 1, into: table)
    }
    return table
  }

  private static func insert(
    _ entry: [UInt8], at position: UInt64, into table: Memtable
  ) throws(StoreError) {
    try unsafe entry.span.withUnsafeBytes { bytes throws(StoreError) in
      try unsafe ChangeCoding.forEach(in: bytes) { change throws(StoreError) in
        unsafe table.insert(change.key, value: change.value, sequence: position)
      }
    }
  }

  // MARK: - Reading

  var lastPosition: UInt64 { state.withLock { $0.published } }

  func withView<Result>(_ body: (View) throws -> Result) throws -> Result {
    try withView(asOf: .max, body)
  }

  /// The same as of an earlier position: nothing in memory is ever reused.
  func withView<Result>(asOf limit: UInt64, _ body: (View) throws -> Result) throws -> Result {
    let (published, isClosed) = state.withLock { ($0.published, $0.isClosed) }
    if isClosed { throw StoreError.closed }
    let table = rows.withLock { $0 }
    return try body(
      View(
        catalog: catalog, transaction: nil, own: nil, active: table, frozen: nil,
        limit: min(limit, published)))
  }

  // MARK: - Writing

  func enqueue(_ write: any QueuedWrite) -> StoreError? {
    let limit = configuration.waitingWriteCountMax
    let (refusal, isFirst) = state.withLock { state -> (StoreError?, Bool) in
      if state.isClosed { return (.closed, false) }
      guard state.waiting.count < limit else { return (.overloaded(limit: limit), false) }
      state.waiting.append(write)
      defer { state.isScheduled = true }
      return (nil, !state.isScheduled)
    }
    if isFirst { schedule { self.commitWaiting() } }
    return refusal
  }

  func enqueueResumption(_ finish: @escaping @Sendable (StoreError?) -> Void) -> StoreError? {
    let refusal: StoreError? = state.withLock { state in
      if state.isClosed { return .closed }
      // What the failed commit left on the disk is only known at the next start.
      if state.writeFailure != nil { return .reopenNeeded }
      return nil
    }
    if refusal == nil { finish(nil) }
    return refusal
  }

  /// Runs the transactions that wait, makes them durable together and answers their callers.
  private func commitWaiting() {
    turn.withLock { _ in
      let (group, failure) = state.withLock { state -> ([any QueuedWrite], StoreError?) in
        state.isScheduled = false
        defer { state.waiting = [] }
        return (state.waiting, state.writeFailure)
      }
      if let failure {
        for write in group { write.fail(failure) }
      } else if !group.isEmpty {
        commit(group)
      }
    }
  }

  /// Only under `turn`.
  private func commit(_ group: [any QueuedWrite]) {
    let table = rows.withLock { $0 }
    let published = lastPosition
    var (done, changes): ([(any QueuedWrite, UInt64)], [[UInt8]]) = ([], [])
    var last = published
    defer { pending.reset() }
    do throws(StoreError) {
      let view = View(
        catalog: catalog, transaction: nil, own: pending, active: table, frozen: nil, limit: .max)
      for write in group {
        var transaction = WriteTransaction(view, pending: pending, sequence: last + 1)
        if write.run(&transaction), pending.transactionByteCount > 0 {
          last += 1
          let entry = Array(pending.bytes[pending.keep()])
          try Self.insert(entry, at: last, into: table)
          changes.append(entry)
        } else {
          pending.rollBack()
        }
        done.append((write, last))
      }
      if !changes.isEmpty { try disk.append(changes) }
    } catch {
      let kept = table.copy(through: published, expectedCount: 0)
      rows.withLock { $0 = kept }
      state.withLock { $0.writeFailure = error }
      for write in group { write.fail(error) }
      return
    }
    state.withLock { $0.published = last }
    for (write, position) in done { write.finish(at: LogSequenceNumber(position)) }
  }

  // MARK: - The end

  /// Makes what waits durable, and answers it.
  func close() { end { self.commit($0) } }

  /// Ends as a process does that is killed.
  ///
  /// - Parameter committing: whether what waits is made durable before; its callers are not told.
  func die(committing: Bool) {
    end { group in
      if committing { self.commit(group.map(UnheardWrite.init)) }
      for write in group { write.fail(.closed) }
    }
  }

  private func end(_ finish: ([any QueuedWrite]) -> Void) {
    turn.withLock { _ in
      let (group, isFirst) = state.withLock { state -> ([any QueuedWrite], Bool) in
        defer {
          state.isClosed = true
          state.waiting = []
        }
        return (state.waiting, !state.isClosed)
      }
      guard isFirst else { return }
      if let failure = state.withLock({ $0.writeFailure }) {
        for write in group { write.fail(failure) }
      } else if !group.isEmpty {
        finish(group)
      }
      disk.state.withLock { $0.isOpen = false }
    }
  }
}

/// A transaction whose caller does not live to hear how it went.
private final class UnheardWrite: QueuedWrite {
  private let write: any QueuedWrite

  init(_ write: any QueuedWrite) { self.write = write }

  func run(_ transaction: inout WriteTransaction) -> Bool { write.run(&transaction) }

  func finish(at sequence: LogSequenceNumber) {}

  func fail(_ error: StoreError) {}
}

extension SealedStore {
  /// A store in memory on `disk`, for simulations and tests.
  ///
  /// - Parameter schedule: runs what it is given a little later: a commit, with all transactions
  ///   that came meanwhile.
  package static func inMemory(
    on disk: MemoryDisk, keys: SealingKeyRing, tables: [any StoreTableDescribing],
    configuration: StoreConfiguration, random: any RandomSource = SystemRandom(),
    schedule: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
  ) throws(StoreError) -> SealedStore {
    SealedStore(
      try MemoryCore(
        on: disk, keys: keys, tables: tables, configuration: configuration, random: random,
        schedule: schedule))
  }

  /// Whether the store is one in memory, where a snapshot needs no transaction to be held open.
  package var isInMemory: Bool { engine is MemoryCore }

  /// Runs `body` with a snapshot of a store in memory as it was at `position`.
  package func read<Result>(
    asOf position: LogSequenceNumber, _ body: (borrowing ReadSnapshot) throws -> Result
  ) throws -> Result {
    guard let memory = engine as? MemoryCore else {
      preconditionFailure("only a store in memory keeps every version")
    }
    return try memory.withView(asOf: position.value) { view in try body(ReadSnapshot(view)) }
  }

  /// Ends a store in memory as the death of its process does.
  ///
  /// - Parameter committing: whether what waits for a commit is durable all the same; nobody is
  ///   told.
  package func die(committing: Bool) {
    (engine as? MemoryCore)?.die(committing: committing)
  }
}
