internal import Foundation
internal import PrivacyCore

/// The one thread that runs transactions: takes what waits, runs the bodies one after the other,
/// makes them durable with one commit of the journal, and then answers the callers.
struct Writer: ~Copyable {
  private let core: StoreCore
  private let pending = PendingChanges()
  private var entries: [Journal.Entry] = []
  private var activeSince: ContinuousClock.Instant?

  /// A group is committed once it has so many bytes, however many transactions wait.
  private static let groupByteCount = 8 << 20
  /// At most so many old entries are cut in one commit.
  private static let cutCountMin = 64

  init(_ core: StoreCore) { self.core = core }

  consuming func run() {
    while true {
      let batch = nextBatch()
      resume(batch.resumptions)
      var rest = batch.writes[...]
      while !rest.isEmpty {
        if let refusal = waitForRoom() {
          for write in rest { write.fail(refusal) }
          break
        }
        commitGroup(from: &rest)
        freezeIfDue()
      }
      freezeIfDue(now: batch.isApplyWanted)
      if batch.isLast { break }
    }
    drain()
  }

  // MARK: - Waiting

  private struct Batch {
    var writes: [any QueuedWrite] = []
    var resumptions: [@Sendable (StoreError?) -> Void] = []
    var isApplyWanted = false
    var isLast = false
  }

  /// Waits for callers; wakes up without any when changes in memory want to be applied.
  private func nextBatch() -> Batch {
    let delay = Double(core.configuration.applyDelayMs) / 1_000
    let deadline = activeSince == nil ? nil : Date(timeIntervalSinceNow: delay)
    return core.queue.wait(until: deadline) { queue in
      let isEmpty =
        queue.waiting.isEmpty && queue.resumptions.isEmpty && !queue.isApplyWanted
      queue.writerSleeps = isEmpty && !queue.isClosed
      if queue.writerSleeps { return nil }
      var batch = Batch(
        resumptions: queue.resumptions, isApplyWanted: queue.isApplyWanted, isLast: queue.isClosed)
      queue.resumptions = []
      queue.isApplyWanted = false
      swap(&batch.writes, &queue.waiting)
      return batch
    } ?? Batch()
  }

  /// Waits until the changes in memory are few enough for more. Answers why writes are refused.
  private func waitForRoom() -> StoreError? {
    while true {
      let refusal: StoreError?? = core.overlay.wait { overlay in
        if let failure = overlay.writeFailure { return .some(failure) }
        guard isFull(overlay) else { return .some(nil) }
        if let failure = overlay.applyFailure { return .some(failure) }
        return overlay.frozen == nil ? .some(nil) : nil
      }
      return refusal ?? nil
    }
  }

  private func isFull(_ overlay: Overlay) -> Bool {
    let count = overlay.active.count + (overlay.frozen?.count ?? 0)
    let byteCount = overlay.active.byteCount + (overlay.frozen?.byteCount ?? 0)
    return count >= core.configuration.unappliedRowCountMax
      || byteCount >= core.configuration.unappliedByteCountMax
  }

  // MARK: - One commit

  private mutating func commitGroup(from rest: inout ArraySlice<any QueuedWrite>) {
    let state = core.overlay.withLock {
      (active: $0.active, frozen: $0.frozen, published: $0.published, cut: cutThrough($0))
    }
    var done: [(write: any QueuedWrite, sequence: UInt64)] = []
    var last = state.published
    defer {
      entries.removeAll(keepingCapacity: true)
      pending.reset()
    }
    do throws(StoreError) {
      let reader = try core.tables.acquireReader(isReserved: true)
      defer { core.tables.release(reader) }
      let view = View(
        catalog: core.catalog, transaction: reader, own: pending, active: state.active,
        frozen: state.frozen, limit: .max)
      while let write = rest.first, pending.bytes.count < Self.groupByteCount,
        done.count < core.configuration.groupTransactionCountMax
      {
        rest.removeFirst()
        if run(write, view, at: last + 1) {
          last += 1
          try insert(pending.keep(), at: last, into: state.active)
        }
        done.append((write, last))
      }
      if last > state.published { try commit(through: last, cut: state.cut) }
    } catch {
      fail(done.map(\.write), error, state.active, state.published)
      return
    }
    for (write, sequence) in done { write.finish(at: LogSequenceNumber(sequence)) }
  }

  /// Runs a body; answers whether it succeeded and changed something.
  private func run(_ write: any QueuedWrite, _ view: View, at sequence: UInt64) -> Bool {
    var transaction = WriteTransaction(view, pending: pending, sequence: sequence)
    let succeeded = write.run(&transaction)
    if succeeded, pending.transactionByteCount > 0 { return true }
    pending.rollBack()
    return false
  }

  private mutating func insert(
    _ range: Range<Int>, at sequence: UInt64, into active: Memtable
  ) throws(StoreError) {
    entries.append(Journal.Entry(sequence: sequence, range: range))
    let bytes = pending.bytes
    try unsafe bytes.span.withUnsafeBytes { bytes throws(StoreError) in
      let entry = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
      try unsafe ChangeCoding.forEach(in: entry) { change throws(StoreError) in
        unsafe active.insert(change.key, value: change.value, sequence: sequence)
      }
    }
  }

  private mutating func commit(through last: UInt64, cut: UInt64) throws(StoreError) {
    let clock = ContinuousClock()
    let start = clock.now
    try core.journal.append(
      entries, in: pending.bytes, cutThrough: cut,
      cutCount: max(Self.cutCountMin, 2 * entries.count))
    let end = clock.now
    core.overlay.withLock { overlay in
      overlay.published = last
      overlay.activeRowCount = overlay.active.count
      overlay.activeByteCount = overlay.active.byteCount
    }
    if activeSince == nil { activeSince = end }
    core.counters.withLock { counters in
      let microseconds = (end - start) / .microseconds(1)
      counters.commitCount += 1
      counters.transactionCount += entries.count
      counters.commitMicroseconds += Int64(microseconds)
      counters.commitMicrosecondsMax = max(counters.commitMicrosecondsMax, Int64(microseconds))
    }
  }

  /// Takes a failed group out of memory, refuses more, and tells its callers.
  private func fail(
    _ writes: [any QueuedWrite], _ error: StoreError, _ active: Memtable, _ published: UInt64
  ) {
    let kept = active.copy(through: published, expectedCount: expectedCount)
    core.overlay.update { overlay in
      overlay.active = kept
      overlay.writeFailure = error
    }
    for write in writes { write.fail(error) }
  }

  /// Up to where the journal may be cut: behind what is applied, what is to be retained, and what
  /// a running backup needs.
  private func cutThrough(_ overlay: Overlay) -> UInt64 {
    let retention = max(1, core.configuration.journalRetentionCount)
    let applied = overlay.journalPins.min().map { min($0, overlay.applied) } ?? overlay.applied
    return applied > retention ? applied - retention : 0
  }

  // MARK: - Handing over to the applier

  private var expectedCount: Int { core.configuration.unappliedRowCountMax / 2 }

  /// Freezes the changes in memory once they are old or many enough and the applier is free.
  private mutating func freezeIfDue(now force: Bool = false) {
    guard let since = activeSince else { return }
    let delay = Duration.milliseconds(core.configuration.applyDelayMs)
    let isOld = force || ContinuousClock.now - since >= delay
    let frozen = core.overlay.update { overlay in
      let active = overlay.active
      let isLarge =
        active.count >= core.configuration.unappliedRowCountMax / 4
        || active.byteCount >= core.configuration.unappliedByteCountMax / 4
      guard overlay.frozen == nil, isOld || isLarge else { return false }
      overlay.frozen = active
      overlay.active = Memtable(after: overlay.published, expectedCount: expectedCount)
      overlay.activeRowCount = 0
      overlay.activeByteCount = 0
      return true
    }
    if frozen { activeSince = nil }
  }

  /// At the end: hands over everything, unless the applier cannot take it; the journal has it.
  private mutating func drain() {
    if activeSince != nil {
      core.overlay.wait { $0.frozen == nil || $0.applyFailure != nil ? () : nil }
      freezeIfDue(now: true)
    }
    core.overlay.update { $0.isDraining = true }
  }

  // MARK: - After a failure

  /// Tries to write again, and tells those who asked how that went.
  private mutating func resume(_ askers: [@Sendable (StoreError?) -> Void]) {
    guard !askers.isEmpty else { return }
    var failure: StoreError?
    if core.overlay.withLock({ $0.writeFailure }) != nil {
      do throws(StoreError) {
        try core.journal.probe()
        try takeOverJournal()
      } catch {
        failure = error
      }
      core.overlay.update { $0.writeFailure = failure }
    }
    for asker in askers { asker(failure) }
  }

  /// The commit that failed may have reached the disk all the same: then its changes count.
  private mutating func takeOverJournal() throws(StoreError) {
    let (active, published) = core.overlay.withLock { ($0.active, $0.published) }
    let environment = core.journal.environment
    let reader = try environment.acquireReader()
    defer { environment.release(reader) }
    guard let last = try core.journal.bounds(reader)?.upperBound, last > published else { return }
    try core.journal.insert(after: published, into: active, core.catalog, reader)
    core.overlay.withLock { $0.published = last }
    activeSince = activeSince ?? ContinuousClock.now
  }
}

extension Journal {
  /// Commits something of no meaning, to see whether the file can be written.
  func probe() throws(StoreError) {
    let transaction = try environment.beginWrite()
    try transaction.put(meta, MetaKey.probe, [1])
    try transaction.commit()
  }

  /// Inserts the changes behind `sequence` into `memtable`.
  func insert(
    after sequence: UInt64, into memtable: Memtable, _ catalog: Catalog, _ reader: ReaderHandle
  ) throws(StoreError) {
    try unsafe forEach(after: sequence, reader) { position, entry throws(StoreError) in
      try unsafe ChangeCoding.forEach(in: entry) { change throws(StoreError) in
        _ = try unsafe catalog.database(id: change.key.loadUnaligned(as: UInt16.self).bigEndian)
        unsafe memtable.insert(change.key, value: change.value, sequence: position)
      }
      return true
    }
  }
}
