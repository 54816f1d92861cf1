internal import PrivacyCore

/// The thread that makes groups of transactions durable, each with one commit of the journal, and
/// then answers their callers. Meanwhile the writer runs the next group.
struct Committer: ~Copyable {
  private let core: StoreCore

  /// At most so many old entries are cut in one commit, or twice as many as it adds.
  private static let cutCountMin = 64

  init(_ core: StoreCore) { self.core = core }

  consuming func run() {
    while let group = nextGroup() {
      do throws(StoreError) {
        if !group.entries.isEmpty { try commit(group) }
      } catch {
        let failed = FailedGroup(group: group, error: error)
        core.queue.update { queue in
          queue.failed = failed
          queue.committerIsBusy = false
        }
        continue
      }
      for (write, sequence) in group.done { write.finish(at: LogSequenceNumber(sequence)) }
      core.queue.update { $0.committerIsBusy = false }
    }
  }

  private func nextGroup() -> WriteGroup? {
    let next: WriteGroup?? = core.commits.wait { slot in
      if let group = slot.group.take() { return .some(group) }
      return slot.isFinished ? .some(nil) : nil
    }
    return next ?? nil
  }

  private func commit(_ group: WriteGroup) throws(StoreError) {
    let clock = ContinuousClock()
    let start = clock.now
    try core.journal.append(
      group.entries, in: group.bytes, cutThrough: group.cutThrough,
      cutCount: max(Self.cutCountMin, 2 * group.entries.count))
    let microseconds = Int64((clock.now - start) / .microseconds(1))
    core.overlay.withLock { overlay in
      overlay.published = group.last
      overlay.activeRowCount = group.activeRowCount
      overlay.activeByteCount = group.activeByteCount
    }
    core.counters.withLock { counters in
      counters.commitCount += 1
      counters.transactionCount += group.entries.count
      counters.commitMicroseconds += microseconds
      counters.commitMicrosecondsMax = max(counters.commitMicrosecondsMax, microseconds)
    }
  }
}
