internal import Cryptography
internal import Logging
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import Synchronization
internal import VaultAPI

extension SubjectKeyKeeper {
  // MARK: - Destroying

  /// Runs a change that gives slots up, in a transaction of its own, and returns when their keys are
  /// destroyed: together with those of others that wait, in one epoch.
  ///
  /// - Parameter change: gets the epoch from which on the keys are gone. What it throws is thrown, and
  ///   nothing of it remains.
  /// - Throws: `CoverFileError.keys` where no key can be wrapped, and then nothing has happened; or
  ///   where the file cannot be written: then the change counts for every reader, and the keys are
  ///   destroyed with the next destruction or start. To repeat the call is right in both cases.
  func destroying<Value: Sendable>(
    _ change: @escaping DestructionJob<Value>.Change
  ) async throws -> Value {
    let job = DestructionJob(change)
    waiting.withLock { $0.append(job) }
    return try await turns.withTurn {
      while true {
        // Whoever was in before may have done it.
        if let result = job.result { return try result.get() }
        await destroyWaiting(for: job)
      }
    }
  }

  /// Whether keys of an epoch may not be destroyed yet, though the store speaks of it.
  func isPending(_ epoch: UInt64) -> Bool { state.withLock { epoch > $0.settledEpoch } }

  private func destroyWaiting(for leader: any QueuedDestruction) async {
    let jobs = waiting.withLock { waiting in
      let jobs = Array(waiting.prefix(Self.destructionsAtOnce))
      waiting.removeFirst(jobs.count)
      return jobs
    }
    do {
      let key = try await nextKey()
      try interrupt(.prepared)
      await withTaskGroup { group in
        for job in jobs {
          group.addTask { [store] in await job.run(on: store, epoch: key.epoch) }
        }
      }
      try interrupt(.givenUp)
      try await destroyGivenUp()
      try interrupt(.settled)
      for job in jobs { job.settle() }
    } catch {
      guard Task.isCancelled else {
        for job in jobs { job.fail(error) }
        return
      }
      // Only the one who was cancelled fails; the next in turn tries for the others.
      leader.fail(error)
      let others = jobs.filter { $0 !== leader }
      waiting.withLock { $0 = others + $0 }
    }
  }

  /// The key of the next epoch, made once: one that was not used is kept.
  private func nextKey() async throws -> CoverFile.EpochKey {
    let (epoch, kept) = state.withLock { ($0.epoch + 1, $0.nextKey) }
    if let kept, kept.epoch == epoch { return kept }
    let key = try await file.makeKey(epoch: epoch)
    state.withLock { $0.nextKey = key }
    return key
  }

  /// Destroys the keys of all slots that the store has given up. In turn only.
  func destroyGivenUp() async throws {
    let slots = try store.read { try $0.keys(VaultTables.slotsGivenUp) }
    let cover = tree.cover
    if slots.contains(where: { cover.index(above: $0) != nil }) {
      try await advance(destroying: slots)
      try interrupt(.destroyed)
    }
    guard !slots.isEmpty || state.withLock({ $0.settledEpoch < $0.epoch }) else { return }
    try await settle(slots)
  }

  /// Sets more slots aside, unless somebody else has. In turn only.
  func setSlotsAside(atLeast count: UInt64) async throws {
    let (free, limit) = state.withLock { (UInt64($0.slots.count), $0.slots.upperBound) }
    guard free < count else { return }
    let wanted = max(Self.slotsAtOnce, count)
    guard wanted <= KeyTreeCover.slotCount - limit else { throw CoverFileError.slotsSpent }
    let slots = try store.read { try $0.keys(VaultTables.slotsGivenUp) }
    try await advance(destroying: slots, slotLimit: limit + wanted)
    try await settle(slots)
  }

  /// The next epoch: a new file without these slots.
  private func advance(destroying slots: [UInt32], slotLimit: UInt64? = nil) async throws {
    let key = try await nextKey()
    let cover = slots.isEmpty ? tree.cover : try tree.coverDestroying(slots)
    let slotLimit = slotLimit ?? state.withLock { $0.slots.upperBound }
    try file.replace(
      CoverFile.Content(epoch: key.epoch, slotLimit: slotLimit, cover: cover), under: key)
    tree.replace(by: cover, without: slots)
    let isLarge = cover.places.count * CoverFile.nodeByteCount >= Self.coverByteCountWarning
    let isNews = state.withLock { state in
      state.epoch = key.epoch
      state.nextKey = nil
      state.slots = state.slots.lowerBound..<slotLimit
      defer { state.hasWarned = isLarge }
      return isLarge && !state.hasWarned
    }
    if isNews {
      log.warning(
        "the cover of the key tree is large: each erasure writes all of it",
        metadata: ["nodes": "\(cover.places.count)"])
    }
  }

  /// The store follows the file: these slots are destroyed.
  func settle(_ slots: [UInt32]) async throws {
    let (epoch, nextSlot) = state.withLock { ($0.epoch, $0.slots.lowerBound) }
    let history = store.historyID
    try await store.write { transaction in
      for slot in slots { try transaction.delete(VaultTables.slotsGivenUp, slot) }
      try Self.update(in: &transaction) { record in
        record.epoch = epoch
        record.history = history
        record.nextSlot = max(record.nextSlot, nextSlot)
      }
    }
    state.withLock { state in
      state.settledEpoch = epoch
      state.isFollowed = true
    }
  }

  // MARK: - Rows

  /// Gives the slot of a person up, with the subject key in it. Answers whether there was one.
  func giveUp(_ person: PseudonymousID, in transaction: inout WriteTransaction) throws -> Bool {
    guard let record = try transaction.get(VaultTables.subjectKeys, person)?.message else {
      return false
    }
    try transaction.delete(VaultTables.subjectKeys, person)
    try transaction.delete(VaultTables.slotOwners, record.slot)
    try transaction.put(VaultTables.slotsGivenUp, record.slot, EmptyValue())
    return true
  }

  static func update(
    in transaction: inout WriteTransaction, _ body: (inout KeyTreeRecord) -> Void
  ) throws {
    var record =
      try transaction.get(VaultTables.keyTree, VaultTables.keyTreeKey)?.message ?? KeyTreeRecord()
    body(&record)
    try transaction.put(VaultTables.keyTree, VaultTables.keyTreeKey, StoredMessage(record))
  }
}
