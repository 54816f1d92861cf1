internal import PrivacyCore
internal import SealedStore
internal import Synchronization
internal import TransparencyLog

/// Signs checkpoints of what is durable, behind the writers' backs.
///
/// An arriving entry only leaves word. The first one starts a task, which waits out the interval,
/// then waits for the store to have committed what was under way, reads the tree's edge from a
/// snapshot, signs, and keeps the note with a transaction of its own. The task ends when nothing new
/// has come.
final class CheckpointPublisher: Sendable {
  /// How long to wait after a failure, in milliseconds.
  private static let retryMs = 250
  /// Old checkpoints go a few at a time: looking for them costs more than keeping them.
  private static let pruneEvery: UInt64 = 64

  let signer: NoteSigner
  private let store: SealedStore
  private let tree: AuditTree
  private let time: any TimeSource
  private let executor: (any TaskExecutor)?
  private let configuration: AuditLogConfiguration
  private let state = Mutex(State())

  private struct State {
    var newest: SignedCheckpoint?
    /// Microseconds of the monotonic clock.
    var lastSignedAt: Int64?
    var isWanted = false
    var isRunning = false
    var isClosed = false
    var signedCount: UInt64 = 0
    var nextWaiter: UInt64 = 0
    var waiters: [UInt64: Waiter] = [:]
  }

  private struct Waiter {
    let index: UInt64
    let continuation: CheckedContinuation<SignedCheckpoint, any Error>
  }

  init(
    store: SealedStore, tree: AuditTree, time: any TimeSource, executor: (any TaskExecutor)?,
    signer: NoteSigner, configuration: AuditLogConfiguration
  ) {
    self.store = store
    self.tree = tree
    self.time = time
    self.executor = executor
    self.signer = signer
    self.configuration = configuration
  }

  // MARK: - When to sign

  /// Leaves word that there is something to sign, once the running transaction is durable.
  func entryArrived() {
    let starts = state.withLock { state in
      state.isWanted = true
      guard !state.isRunning, !state.isClosed else { return false }
      state.isRunning = true
      return true
    }
    if starts { Task(executorPreference: executor) { [self] in await run() } }
  }

  private func run() async {
    while let delay = nextDelay() {
      do {
        try await time.sleep(microseconds: delay)
        state.withLock { $0.isWanted = false }
        try await publish()
      } catch StoreError.closed {
        return finish()
      } catch is CancellationError {
        return finish()
      } catch AuditLogError.contradictsCheckpoint(let size) {
        failWaiters(AuditLogError.contradictsCheckpoint(treeSize: size))
        return finish()
      } catch {
        // Who waits for a checkpoint gives up by its own time limit; the rest wait for the next try.
        state.withLock { $0.isWanted = true }
        do {
          try await time.sleep(milliseconds: Self.retryMs)
        } catch {
          return finish()
        }
      }
    }
  }

  /// How long to wait before the next checkpoint, in microseconds; `nil`, and the end of the task,
  /// when none is wanted.
  private func nextDelay() -> Int64? {
    let now = time.monotonicMicroseconds
    return state.withLock { state in
      guard state.isWanted, !state.isClosed else {
        state.isRunning = false
        return nil
      }
      guard let last = state.lastSignedAt else { return 0 }
      return Int64(configuration.checkpointIntervalMs) * 1_000 - (now - last)
    }
  }

  private func finish() { state.withLock { $0.isRunning = false } }

  /// Signs no more by itself.
  func close() {
    let waiters = state.withLock { state in
      state.isClosed = true
      defer { state.waiters = [:] }
      return state.waiters.values
    }
    for waiter in waiters { waiter.continuation.resume(throwing: AuditLogError.closed) }
  }

  // MARK: - Signing

  /// Signs the tree of everything that was written before the call, unless that is signed already.
  @discardableResult
  func publish() async throws -> SignedCheckpoint {
    // Bodies run in order, and each returns when it and all before it are durable.
    try await store.write { _ in }
    let known = try newest()
    let root = try store.read { snapshot in
      try tree.checkFormat(snapshot)
      let frontier = try tree.frontier(tree.size(snapshot), snapshot)
      if let known {
        // A log never signs what contradicts what it signed: here its own rows were changed.
        guard known.treeSize <= frontier.size,
          try tree.frontier(known.treeSize, snapshot).root() == known.checkpoint.rootHash
        else { throw AuditLogError.contradictsCheckpoint(treeSize: known.treeSize) }
      }
      return (size: frontier.size, hash: try frontier.root())
    }
    if let known, known.treeSize == root.size {
      announce(known)
      return known
    }
    let checkpoint = try Checkpoint(
      origin: signer.key.name, treeSize: root.size, rootHash: root.hash)
    var note = try SignedNote(text: checkpoint.text)
    try note.add(signer.sign(note.text, at: time.now))
    let signed = try SignedCheckpoint(note: note)
    let limit = configuration.checkpointCountMax
    let prunes = state.withLock { state in
      state.signedCount += 1
      return state.signedCount.isMultiple(of: Self.pruneEvery)
    }
    let kept = try await store.write { [bytes = note.encoded] transaction in
      // Two publishers of one log at one time: whoever came first has signed.
      if let other = try transaction.get(AuditTables.checkpoints, root.size) {
        return try SignedCheckpoint(encoded: other)
      }
      try transaction.put(AuditTables.checkpoints, root.size, bytes)
      if prunes { try Self.prune(AuditTables.checkpoints, to: limit, in: &transaction) }
      return signed
    }.value
    announce(kept)
    return kept
  }

  /// Deletes the oldest rows past `limit`.
  static func prune(
    _ table: StoreTable<UInt64, [UInt8]>, to limit: Int, in transaction: inout WriteTransaction
  ) throws {
    guard let oldest = try transaction.keys(table, reverse: true, limit: limit + 1).last,
      let first = try transaction.keys(table, limit: 1).first, first < oldest
    else { return }
    try transaction.delete(table, .below(oldest))
  }

  private func announce(_ signed: SignedCheckpoint) {
    let now = time.monotonicMicroseconds
    let covered = state.withLock { state in
      if (state.newest?.treeSize ?? 0) <= signed.treeSize { state.newest = signed }
      state.lastSignedAt = now
      let covered = state.waiters.filter { $0.value.index < signed.treeSize }
      for id in covered.keys { state.waiters[id] = nil }
      return covered.values
    }
    for waiter in covered { waiter.continuation.resume(returning: signed) }
  }

  private func failWaiters(_ error: any Error) {
    let now = time.monotonicMicroseconds
    let waiters = state.withLock { state in
      // The next entry tries again, no sooner than after the interval.
      state.lastSignedAt = now
      defer { state.waiters = [:] }
      return state.waiters.values
    }
    for waiter in waiters { waiter.continuation.resume(throwing: error) }
  }

  /// The newest checkpoint that is durable; `nil` before the first.
  func newest() throws -> SignedCheckpoint? {
    if let known = state.withLock({ $0.newest }) { return known }
    let row = try store.read { try $0.first(AuditTables.checkpoints, reverse: true) }
    guard let row else { return nil }
    let signed = try SignedCheckpoint(encoded: row.value)
    state.withLock { state in
      if state.newest == nil { state.newest = signed }
    }
    return signed
  }

  // MARK: - Waiting

  /// Waits until a checkpoint covers the entry at a place.
  ///
  /// - Throws: `notCovered` after the time limit, `closed`, `contradictsCheckpoint`.
  func cover(_ index: UInt64) async throws -> SignedCheckpoint {
    let id = state.withLock { state in
      defer { state.nextWaiter += 1 }
      return state.nextWaiter
    }
    let timeout = Task(executorPreference: executor) { [self] in
      try await time.sleep(milliseconds: configuration.coverTimeoutMs)
      giveUp(id, index)
    }
    defer { timeout.cancel() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { wait(Waiter(index: index, continuation: $0), id) }
    } onCancel: {
      giveUp(id, index)
    }
  }

  private func wait(_ waiter: Waiter, _ id: UInt64) {
    let answer: Result<SignedCheckpoint, any Error>? = state.withLock { state in
      if state.isClosed { return .failure(AuditLogError.closed) }
      if let newest = state.newest, waiter.index < newest.treeSize { return .success(newest) }
      if Task.isCancelled { return .failure(CancellationError()) }
      state.waiters[id] = waiter
      return nil
    }
    if let answer { return waiter.continuation.resume(with: answer) }
    // Only now: whatever becomes of the next checkpoint reaches this waiter.
    entryArrived()
  }

  private func giveUp(_ id: UInt64, _ index: UInt64) {
    let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
    waiter?.continuation.resume(throwing: AuditLogError.notCovered(index: index))
  }
}
