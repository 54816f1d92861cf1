public import Cryptography
public import Foundation
public import PrivacyCore

/// A typed, sealed store: LMDB tables behind a journal.
///
/// A write is acknowledged when the journal that holds it is on disk; many callers share one
/// commit, and the next ones' transactions run meanwhile. A thread of its own carries the changes into the tables in large sorted chunks; until then
/// readers find them in memory, so that every read sees every write acknowledged before it began.
/// After a crash nothing acknowledged is lost: opening reads the journal's tail again.
///
/// Values are sealed with AES-256-GCM and bound to their table and key; keys are stored as they
/// are, which is why they hold pseudonymous ids and never identifiers.
public final class SealedStore: Sendable {
  let engine: any StoreEngine
  /// The same where it is on disk: known by its type, so that a read costs no detour.
  private let disk: StoreCore?

  init(_ engine: any StoreEngine) {
    self.engine = engine
    disk = engine as? StoreCore
  }

  deinit { engine.close() }

  /// The files below it.
  ///
  /// - Throws: `notOnDisk` for a store in memory.
  var core: StoreCore {
    get throws(StoreError) {
      guard let disk else { throw .notOnDisk }
      return disk
    }
  }

  /// Opens the store in `directory`, or makes one when there is none.
  ///
  /// - Parameters:
  ///   - keys: the keys its rows are sealed with. None may carry the id `KeyID.subject`.
  ///   - tables: every table that the store holds or that its journal may name.
  ///   - random: gives a new store its id.
  /// - Throws: `alreadyOpen`, `wrongKey`, `newerFormat`, `otherService`, `tableMismatch`,
  ///   `corrupted`, `diskFull`, `inputOutput`.
  public static func open(
    at directory: URL, keys: SealingKeyRing, tables: [any StoreTableDescribing],
    configuration: StoreConfiguration, random: any RandomSource = SystemRandom()
  ) throws(StoreError) -> SealedStore {
    SealedStore(
      try StoreCore(
        at: directory, keys: keys, tables: tables, configuration: configuration, random: random))
  }

  /// The store's own id: 16 random bytes, made with it.
  public var storeID: [UInt8] { engine.storeID }

  /// 16 bytes that stand for this history of the store: its id, until it is restored from a backup,
  /// and from then on others each time. Positions of one history mean nothing in another.
  public var historyID: [UInt8] { engine.historyID }

  /// The newest acknowledged change.
  public var lastSequence: LogSequenceNumber {
    LogSequenceNumber(engine.lastPosition)
  }

  // MARK: - Reading and writing

  /// Runs `body` with a consistent snapshot that holds every change acknowledged so far.
  ///
  /// Takes no part in writing and is never delayed by it. The body should be short, and must not
  /// wait for a write.
  public func read<Result>(
    _ body: (borrowing ReadSnapshot) throws -> Result
  ) throws -> Result {
    if let disk { return try disk.withView { view in try body(ReadSnapshot(view)) } }
    return try engine.withView { view in try body(ReadSnapshot(view)) }
  }

  /// Runs `body` on the writer thread and returns once its changes are on disk.
  ///
  /// Bodies run one after the other; each sees all earlier ones. When the body throws, nothing of
  /// it remains, and the caller gets its error. The body must be short: every other write waits.
  ///
  /// - Throws: what the body throws; `closed`, `overloaded`; after a failed commit its error,
  ///   until `resumeWriting()` succeeds. A commit that failed may still turn out to have reached
  ///   the disk when writing is resumed or the store opened again.
  @discardableResult
  public func write<Value: Sendable>(
    _ body: @escaping @Sendable (inout WriteTransaction) throws -> Value
  ) async throws -> Committed<Value> {
    // Set by the writer thread before the continuation resumes, read after.
    nonisolated(unsafe) var value: Value?
    let sequence = try await unsafe withUnsafeThrowingContinuation { continuation in
      let job = unsafe WriteJob({ unsafe value = try body(&$0) }, continuation)
      if let refusal = engine.enqueue(job) { job.fail(refusal) }
    }
    guard let value = unsafe value else { throw StoreError.closed }
    return Committed(value: value, sequence: sequence)
  }

  /// Tries to write again after a failed commit: call it when there is room on the disk again.
  ///
  /// - Throws: why it still fails; `reopenNeeded` when only closing and opening the store helps.
  public func resumeWriting() async throws {
    try await unsafe withUnsafeThrowingContinuation {
      (continuation: UnsafeContinuation<Void, any Error>) in
      let finish: @Sendable (StoreError?) -> Void = { failure in
        if let failure {
          unsafe continuation.resume(throwing: failure)
        } else {
          unsafe continuation.resume()
        }
      }
      if let refusal = engine.enqueueResumption(finish) { finish(refusal) }
    }
  }

  /// Writes what waits, brings the tables up to date, waits for the readers and closes the files.
  /// Must not be called inside `read`. Everything called after throws `closed`.
  public func close() { engine.close() }
}

extension StoreCore: StoreEngine {
  var storeID: [UInt8] { identity.storeID }

  var lastPosition: UInt64 { overlay.withLock { $0.published } }

  func withView<Result>(_ body: (View) throws -> Result) throws -> Result {
    let layers = overlay.withLock { $0.layers }
    return try tables.read { reader in try body(view(layers, reader)) }
  }

  func enqueue(_ write: any QueuedWrite) -> StoreError? {
    let limit = configuration.waitingWriteCountMax
    return enqueue { queue in
      guard queue.waiting.count < limit else { return .overloaded(limit: limit) }
      queue.waiting.append(write)
      return nil
    }
  }

  func enqueueResumption(_ finish: @escaping @Sendable (StoreError?) -> Void) -> StoreError? {
    enqueue { queue in
      queue.resumptions.append(finish)
      return nil
    }
  }

  /// Puts something into the queue and wakes the writer; answers why it is refused.
  private func enqueue(_ body: (inout WriteQueue) -> StoreError?) -> StoreError? {
    let (refusal, wake) = queue.withLock { queue -> (StoreError?, Bool) in
      if queue.isClosed { return (.closed, false) }
      let refusal = body(&queue)
      let isWorthWaking =
        queue.isWorthWaking || !queue.resumptions.isEmpty || queue.isApplyWanted
      guard queue.writerSleeps, isWorthWaking else { return (refusal, false) }
      queue.writerSleeps = false
      return (refusal, true)
    }
    if wake { queue.update { _ in } }
    return refusal
  }
}
