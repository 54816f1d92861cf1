public import Cryptography
internal import Foundation

extension SealedStore {
  /// The key that rows are sealed with now.
  public var currentKeyID: KeyID {
    get throws(StoreError) { try core.catalog.keys.current.id }
  }

  /// Seals with the current key of `keys` from now on. Everything written after the return is.
  ///
  /// - Parameter keys: a ring with all keys that the store has now, and more.
  /// - Throws: `wrongKey` where one of them is missing or is another key of that id; what `write`
  ///   throws, after which the keys count but a write that runs may still be sealed under the old one:
  ///   call it again.
  public func adopt(_ keys: SealingKeyRing) async throws {
    precondition(
      keys.key(.subject) == nil, "a store's own key must not have the id of subject keys")
    try replace(keys) { try core.mustOpen($0.ids, of: $0, with: keys) }
    try await settle()
  }

  /// Lets go of the key that `proof` is about; `keys` are all others.
  ///
  /// - Throws: `wrongKey`, `keyIsCurrent`.
  public func drop(_ proof: consuming UnusedKeyProof, keys: SealingKeyRing) async throws {
    let id = proof.keyID
    guard proof.storeID == storeID else { throw StoreError.wrongKey }
    guard keys.key(id) == nil else { throw StoreError.keyIsCurrent(id) }
    try replace(keys) { old in
      guard old.current.id != id else { throw StoreError.keyIsCurrent(id) }
      try core.mustOpen(old.ids.filter { $0 != id }, of: old, with: keys)
    }
    try await settle()
  }

  private func replace(
    _ keys: SealingKeyRing, _ check: (SealingKeyRing) throws -> Void
  ) throws {
    let core = try core
    try core.overlay.withLock { overlay in
      try check(overlay.catalog.keys)
      overlay.catalog = overlay.catalog.with(keys)
    }
  }

  /// Waits until no transaction runs that began under other keys: they run one after the other.
  private func settle() async throws { try await write { _ in } }

  // MARK: - The job

  /// Begins to seal everything under the current key that is under another one of the store's, on a
  /// thread of its own, while reads and writes go on. A job that was paused or cut off goes on where
  /// it was. It survives the end of the process: see `resumeInterruptedResealing`.
  ///
  /// - Throws: `resealRuns`.
  public func startResealing(_ pace: ResealPace = ResealPace()) throws(StoreError) {
    let core = try core
    let target = core.catalog.keys.current.id
    let mayStart = core.resealing.withLock { resealing in
      guard !resealing.isRunning, resealing.wanted != .end else { return false }
      resealing.isRunning = true
      return true
    }
    guard mayStart else { throw .resealRuns }
    var mark: ResealMark
    do throws(StoreError) {
      mark = try core.resealMark() ?? ResealMark(state: .running, target: target)
      // A finished walk says nothing of what came since; another key needs a walk of its own.
      if mark.target != target || mark.state == .done {
        mark = ResealMark(state: .running, target: target)
        try core.forgetJournalReseal()
      }
      mark.state = .running
      try core.writeResealMark(mark)
    } catch {
      core.resealing.update { $0.isRunning = false }
      throw error
    }
    core.resealing.withLock { resealing in
      var progress = ResealProgress()
      progress.state = .running
      progress.target = target
      resealing.wanted = .run
      resealing.pace = pace
      resealing.since = ContinuousClock.now
      resealing.progress = progress
    }
    let begun = mark
    let thread = Thread { Resealer(core, begun).run() }
    thread.name = "store-resealer"
    thread.start()
  }

  /// Starts the job again that the end of the process cut off; answers whether there was one.
  public func resumeInterruptedResealing(
    _ pace: ResealPace = ResealPace()
  ) throws(StoreError) -> Bool {
    guard try resealProgress().state == .interrupted else { return false }
    try startResealing(pace)
    return true
  }

  /// Lets the job wait, also beyond the end of the process. Returns when nothing is being written.
  ///
  /// - Throws: `noReseal` where none runs.
  public func pauseResealing() throws(StoreError) {
    let core = try core
    let isThere = core.resealing.update { resealing in
      guard resealing.isRunning else { return false }
      resealing.wanted = .pause
      return true
    }
    guard isThere else { throw .noReseal }
    core.resealing.wait { $0.isRunning ? nil : () }
    guard var mark = try core.resealMark(), mark.state == .running else { return }
    mark.state = .paused
    try core.writeResealMark(mark)
  }

  /// How far the job is.
  public func resealProgress() throws(StoreError) -> ResealProgress {
    let core = try core
    let (known, since) = core.resealing.withLock { ($0.progress, $0.since) }
    if var known {
      if let since { known.runningSeconds = (ContinuousClock.now - since) / .seconds(1) }
      return known
    }
    var progress = ResealProgress()
    guard let mark = try core.resealMark() else { return progress }
    progress.target = mark.target
    progress.state =
      switch mark.state {
      case .running: .interrupted
      case .paused: .paused
      case .done: .done
      }
    return progress
  }
}

extension StoreCore {
  /// Throws unless `new` opens what each key of `old` with one of `ids` seals.
  func mustOpen(
    _ ids: [KeyID], of old: SealingKeyRing, with new: SealingKeyRing
  ) throws(StoreError) {
    for id in ids {
      guard let sealed = try? old.key(id)?.seal([], associatedData: identity.storeID),
        (try? new.open(sealed, associatedData: identity.storeID)) != nil
      else { throw .wrongKey }
    }
  }

  /// The next walk over the journal begins at its first entry.
  func forgetJournalReseal() throws(StoreError) {
    let transaction = try journal.environment.beginWrite()
    let name = MetaKey.reseal
    try unsafe name.span.withUnsafeBytes { key throws(StoreError) in
      try unsafe transaction.delete(journal.meta, key)
    }
    try transaction.commit()
  }

  /// Ends the job's thread; the next opening finds how far it was.
  func endResealing() {
    resealing.update { $0.wanted = .end }
    resealing.wait { $0.isRunning ? nil : () }
  }
}
