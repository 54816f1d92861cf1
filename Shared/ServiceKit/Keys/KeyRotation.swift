internal import AuditLog
internal import Cryptography
internal import HealthAPI
internal import KeyManagement
internal import PrivacyCore
internal import RPC
internal import SealedStore

/// The steps by which the key of a running service is changed, one at a time. Each is in the audit log
/// under a signed checkpoint before it takes effect; where it cannot be logged it is not done.
///
/// Cut off anywhere, the store opens again with what `keys.json` holds: a version is written there
/// before anything is sealed under it, and taken out only when nothing is any more.
actor KeyRotation {
  /// The purpose of the ring that seals the store's rows.
  static let sealingPurpose = "at-rest"
  /// The actions of the log's entries.
  enum Action {
    static let rotate = "keys.rotate"
    static let pause = "keys.pause"
    static let resume = "keys.resume"
    static let resealed = "keys.resealed"
    static let retire = "keys.retire"
    static let cutJournal = "keys.cut_journal"
  }

  private let runtime: ServiceRuntime
  private var isBusy = false
  private var watch: Task<Void, Never>?

  /// How often the end of the sealing is looked for, in milliseconds.
  private static let watchIntervalMs = 100

  init(runtime: ServiceRuntime) { self.runtime = runtime }

  deinit { watch?.cancel() }

  private var store: SealedStore { runtime.store }
  private var keys: ServiceKeys { runtime.keys }

  /// Runs one step; another one meanwhile is refused, not queued: whoever asks for it has not seen
  /// what this one comes to.
  private func alone<Result: Sendable>(
    _ body: () async throws -> Result
  ) async throws -> Result {
    guard !isBusy else {
      throw RPCError(.failedPrecondition, "another step of a rotation is being taken")
    }
    isBusy = true
    defer { isBusy = false }
    return try await body()
  }

  private func log(
    _ action: String, _ principal: String, _ details: [(name: String, value: String)]
  ) async throws {
    _ = try await runtime.audit.appendCovered(
      AuditEntry(principal: principal, action: action, details: details))
  }

  // MARK: - Steps

  /// Makes a new version and begins to seal everything under it.
  func start(_ pace: ResealPace, principal: String) async throws {
    try await alone {
      try refuseWhileSealing()
      let next = keys.currentVersion + 1
      try await log(Action.rotate, principal, [("version", "\(next)")])
      try await keys.addVersion()
      try await seal(pace)
    }
  }

  /// Goes on, or begins to seal what earlier versions still seal.
  func resume(_ pace: ResealPace, principal: String) async throws {
    try await alone {
      try refuseWhileSealing()
      try await log(Action.resume, principal, [("version", "\(keys.currentVersion)")])
      try await seal(pace)
    }
  }

  /// Lets the sealing wait.
  func pause(principal: String) async throws {
    try await alone {
      guard try store.resealProgress().state == .running else { throw StoreError.noReseal }
      try await log(Action.pause, principal, [("version", "\(keys.currentVersion)")])
      try store.pauseResealing()
    }
  }

  /// Destroys a version that seals nothing any more.
  ///
  /// - Returns: the newest change of the store when that was proven, and the keys that were kept.
  func retire(
    _ version: UInt32, keepDerived: Bool, principal: String
  ) async throws -> (sequence: UInt64, kept: [DerivedKeyName]) {
    try await alone {
      try refuseWhileSealing()
      // The end of the sealing is logged before what follows from it.
      await watch?.value
      guard keys.versions.contains(where: { $0.version == version && $0.state == .retired }) else {
        throw KeyManagementError.notRetired(version)
      }
      let names = keys.namesInUse(ofVersion: version, exceptSealing: Self.sealingPurpose)
      guard names.isEmpty || keepDerived else {
        throw KeyManagementError.versionInUse(version, by: names)
      }
      let proof = try store.proveUnused(KeyID(rawValue: version))
      let sequence = proof.sequence
      try await log(
        Action.retire, principal,
        [
          ("version", "\(version)"), ("proven_sequence", "\(sequence)"),
          ("kept", "\(names.count)"),
        ])
      try await keys.destroyVersion(
        proof, sealingPurpose: Self.sealingPurpose, keepingDerived: keepDerived)
      try await store.drop(proof, keys: keys.sealingKeys(purpose: Self.sealingPurpose))
      return (sequence, names)
    }
  }

  /// Cuts the journal; answers where it begins.
  func cutJournal(principal: String) async throws -> UInt64 {
    try await alone {
      try await log(Action.cutJournal, principal, [])
      return try store.cutJournal().value
    }
  }

  /// Takes up what the end of the last process cut off: also a version that was made and never sealed
  /// with. What was told to wait goes on waiting.
  func continueAtStart() async throws {
    let progress = try store.resealProgress()
    let current = try store.currentKeyID
    let isCutOff =
      progress.state == .interrupted
      || (keys.versions.count > 1 && progress.state != .paused && progress.target != current)
    guard isCutOff else { return }
    try await log(Action.resume, "", [("version", "\(current)")])
    try store.startResealing()
    watchForTheEnd()
  }

  // MARK: - Parts

  private func refuseWhileSealing() throws {
    let progress = try store.resealProgress()
    guard progress.state == .running else { return }
    throw RPCError(
      .failedPrecondition,
      "everything is being sealed under version \(progress.target?.description ?? "") already: "
        + "\(progress.remainingCount) values are left")
  }

  private func seal(_ pace: ResealPace) async throws {
    try await store.adopt(keys.sealingKeys(purpose: Self.sealingPurpose))
    try store.startResealing(pace)
    watchForTheEnd()
  }

  /// Logs that everything is sealed under the new version. Where the process ends before, the proof at
  /// the retirement says it.
  private func watchForTheEnd() {
    watch?.cancel()
    let (store, runtime) = (store, runtime)
    watch = Task {
      while true {
        guard let progress = try? store.resealProgress() else { return }
        if progress.state == .done {
          let details = [
            ("version", "\(progress.target?.rawValue ?? 0)"),
            ("values", "\(progress.resealedCount)"),
          ]
          _ = try? await runtime.audit.append(
            AuditEntry(principal: "", action: Action.resealed, details: details))
          return
        }
        guard progress.state == .running else { return }
        do { try await runtime.time.sleep(milliseconds: Self.watchIntervalMs) } catch { return }
      }
    }
  }

  // MARK: - Showing

  /// How far it is; with `count` also how many values each version seals, for which the whole store
  /// is read.
  nonisolated func status(count: Bool) throws -> RotationStatus {
    let (store, keys) = (runtime.store, runtime.keys)
    let progress = try store.resealProgress()
    let usage = count ? try store.keyUsage() : nil
    var status = RotationStatus()
    status.state = RotationState(progress.state)
    status.version = keys.currentVersion
    status.part = progress.part
    status.resealedCount = UInt64(progress.resealedCount)
    status.remainingCount = UInt64(progress.remainingCount)
    status.valuesPerSecond = progress.valuesPerSecond
    status.secondsLeft = progress.secondsLeft ?? -1
    status.failure = progress.failure?.description ?? ""
    status.counted = count
    status.subjectValueCount = UInt64(usage?.valueCount { $0 == .subject } ?? 0)
    status.versions = keys.versions.map { version in
      var shown = KeyVersion(version)
      shown.valueCount = UInt64(usage?.valueCount { $0.rawValue == version.version } ?? 0)
      if version.state != .destroyed {
        shown.derived =
          keys
          .namesInUse(ofVersion: version.version, exceptSealing: Self.sealingPurpose)
          .map(\.description)
      }
      return shown
    }
    return status
  }

  /// The same as measures.
  nonisolated func measures() -> [(name: String, value: Double)] {
    guard let progress = try? runtime.store.resealProgress() else { return [] }
    return [
      ("key_version", Double(runtime.keys.currentVersion)),
      ("key_versions_destroyed", Double(runtime.keys.versions.count { $0.state == .destroyed })),
      ("reseal_running", progress.state == .running ? 1 : 0),
      ("reseal_remaining_values", Double(progress.remainingCount)),
      ("reseal_values_per_s", progress.state == .running ? progress.valuesPerSecond : 0),
    ]
  }
}

extension KeyVersion {
  /// What is known of a version without reading the store.
  init(_ version: ServiceKeyVersion) {
    self.init()
    self.version = version.version
    state = version.state.rawValue
    createdAt = version.createdAt
    destroyedAt = version.destroyedAt
    derived = version.kept.map(\.description)
  }
}

extension RotationState {
  fileprivate init(_ state: ResealProgress.State) {
    self =
      switch state {
      case .none: .none
      case .running: .running
      case .paused: .paused
      case .interrupted: .interrupted
      case .done: .done
      }
  }
}
