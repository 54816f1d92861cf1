internal import PrivacyCore

/// The one thread that runs transactions: takes what waits and runs the bodies one after the
/// other. What has run is handed to the committer as one group as soon as that is free; until
/// then the group grows.
///
/// A body may so see changes that are not yet durable. Its caller is answered after their commit,
/// because groups are committed in order; and when a commit fails, the group that was run on top
/// of it fails with it.
struct Writer: ~Copyable {
  private let core: StoreCore
  private let pending = PendingChanges()
  /// What has run and is not yet handed to the committer, but for the changes in `pending`.
  private var group = WriteGroup()
  /// The position of the newest change that has run.
  private var last: UInt64
  private var activeSince: ContinuousClock.Instant?

  /// A group takes no more once it has so many bytes, however many transactions wait.
  private static let groupByteCount = 8 << 20

  init(_ core: StoreCore) {
    self.core = core
    last = core.overlay.withLock { $0.published }
  }

  consuming func run() {
    while true {
      let batch = nextBatch()
      takeBackFailed()
      if !batch.resumptions.isEmpty {
        settle()
        resume(batch.resumptions)
      }
      var rest = batch.writes[...]
      while !rest.isEmpty {
        if let refusal = waitForRoom() {
          for write in rest { write.fail(refusal) }
          break
        }
        runBodies(of: &rest)
        if isFull(group) {
          waitForCommitter()
          handOver()
        }
        freezeIfDue()
      }
      handOver()
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

  /// Waits for callers, or for the committer when there is a group for it; wakes up without
  /// either when changes in memory want to be applied.
  private func nextBatch() -> Batch {
    let delay = activeSince == nil ? nil : Double(core.configuration.applyDelayMs) / 1_000
    let hasGroup = !group.done.isEmpty
    return core.queue.wait(seconds: delay) { queue in
      let isReady =
        queue.isWorthWaking || !queue.resumptions.isEmpty || queue.isApplyWanted
        || queue.failed != nil || queue.isClosed || (hasGroup && !queue.committerIsBusy)
      queue.writerSleeps = !isReady
      guard isReady else { return nil }
      var batch = Batch(
        resumptions: queue.resumptions, isApplyWanted: queue.isApplyWanted, isLast: queue.isClosed)
      queue.resumptions = []
      queue.isApplyWanted = false
      swap(&batch.writes, &queue.waiting)
      return batch
    } ?? Batch()
  }

  /// Waits until the changes in memory are few enough for more. Answers why writes are refused.
  private mutating func waitForRoom() -> StoreError? {
    let (failure, isFull) = core.overlay.withLock { ($0.writeFailure, self.isFull($0)) }
    guard failure == nil, isFull else { return failure }
    settle()
    freezeIfDue()
    let refusal: StoreError?? = core.overlay.wait { overlay in
      if let failure = overlay.writeFailure { return .some(failure) }
      guard self.isFull(overlay) else { return .some(nil) }
      if let failure = overlay.applyFailure { return .some(failure) }
      return overlay.frozen == nil ? .some(nil) : nil
    }
    return refusal ?? nil
  }

  private func isFull(_ overlay: Overlay) -> Bool {
    let count = overlay.active.count + (overlay.frozen?.count ?? 0)
    let byteCount = overlay.active.byteCount + (overlay.frozen?.byteCount ?? 0)
    return count >= core.configuration.unappliedRowCountMax
      || byteCount >= core.configuration.unappliedByteCountMax
  }

  private func isFull(_ group: borrowing WriteGroup) -> Bool {
    pending.bytes.count >= Self.groupByteCount
      || group.done.count >= core.configuration.groupTransactionCountMax
  }

  // MARK: - One group

  /// Runs bodies until none is left or the group is full.
  private mutating func runBodies(of rest: inout ArraySlice<any QueuedWrite>) {
    let (catalog, active, frozen) = core.overlay.withLock { ($0.catalog, $0.active, $0.frozen) }
    do throws(StoreError) {
      let reader = try core.tables.acquireReader(isReserved: true)
      defer { core.tables.release(reader) }
      let view = View(
        catalog: catalog, transaction: reader, own: pending, active: active, frozen: frozen,
        limit: .max)
      while let write = rest.first, !isFull(group) {
        rest.removeFirst()
        if run(write, view, at: last + 1) {
          last += 1
          try insert(pending.keep(), at: last, into: active)
        }
        group.done.append((write, last))
      }
    } catch {
      waitForCommitter()
      takeBack([], error)
      return
    }
    if activeSince == nil, !group.entries.isEmpty { activeSince = ContinuousClock.now }
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
    group.entries.append(Journal.Entry(sequence: sequence, range: range))
    let bytes = pending.bytes
    try unsafe bytes.span.withUnsafeBytes { bytes throws(StoreError) in
      let entry = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
      try unsafe ChangeCoding.forEach(in: entry) { change throws(StoreError) in
        unsafe active.insert(change.key, value: change.value, sequence: sequence)
      }
    }
  }

  // MARK: - Handing over to the committer

  /// Gives the group to the committer if it is free and all before it is durable.
  private mutating func handOver() {
    guard !group.done.isEmpty else { return }
    let isFree = core.queue.withLock { queue in
      guard !queue.committerIsBusy, queue.failed == nil else { return false }
      queue.committerIsBusy = true
      return true
    }
    guard isFree else { return }
    var group = takeGroup()
    core.overlay.withLock { overlay in
      group.cutThrough = cutThrough(overlay)
      group.activeRowCount = overlay.active.count
      group.activeByteCount = overlay.active.byteCount
    }
    core.commits.update { $0.group = group }
  }

  private mutating func takeGroup() -> WriteGroup {
    var taken = WriteGroup()
    swap(&taken, &group)
    taken.bytes = pending.take()
    taken.last = last
    return taken
  }

  /// Waits until everything that has run is on disk, or has failed.
  private mutating func settle() {
    waitForCommitter()
    handOver()
    waitForCommitter()
  }

  private mutating func waitForCommitter() {
    core.queue.wait { $0.committerIsBusy ? nil : () }
    takeBackFailed()
  }

  /// Takes a failed group, and what was run on top of it, out of memory.
  private mutating func takeBackFailed() {
    guard let failed = core.queue.withLock({ $0.failed.take() }) else { return }
    takeBack([failed.group], failed.error)
  }

  /// Takes what is not durable out of memory, refuses more, and tells the callers.
  private mutating func takeBack(_ groups: [WriteGroup], _ error: StoreError) {
    let own = takeGroup()
    let (active, published) = core.overlay.withLock { ($0.active, $0.published) }
    let kept = active.copy(through: published, expectedCount: expectedCount)
    core.overlay.update { overlay in
      overlay.active = kept
      overlay.writeFailure = error
    }
    last = published
    for group in groups + [own] { group.fail(error) }
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
    let isDue = core.overlay.withLock { overlay in
      overlay.frozen == nil && (isOld || isLarge(overlay.active))
    }
    guard isDue else { return }
    // The tables may never hold what the journal does not.
    settle()
    core.overlay.update { overlay in
      overlay.frozen = overlay.active
      overlay.active = Memtable(after: overlay.published, expectedCount: expectedCount)
      overlay.activeRowCount = 0
      overlay.activeByteCount = 0
    }
    activeSince = nil
  }

  /// The larger a chunk, the fewer pages are written for each of its rows: the tables get half of
  /// what memory may hold, and the other half takes what comes meanwhile.
  private func isLarge(_ active: Memtable) -> Bool {
    active.count >= core.configuration.unappliedRowCountMax / 2
      || active.byteCount >= core.configuration.unappliedByteCountMax / 2
  }

  /// At the end: hands over everything, unless the applier cannot take it; the journal has it.
  private mutating func drain() {
    settle()
    if activeSince != nil {
      core.overlay.wait { $0.frozen == nil || $0.applyFailure != nil ? () : nil }
      freezeIfDue(now: true)
    }
    core.commits.update { $0.isFinished = true }
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
    self.last = last
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
