public import ConsentAPI
public import Logging
public import PrivacyCore
internal import RPC
internal import Synchronization

/// What stands between a service and personal data: it holds the consent of everybody in memory,
/// kept up to date by the consent service, and answers each read and write.
///
/// It admits only under a live lease (DESIGN, "the revocation barrier"): whoever is told that a
/// withdrawal is done can rely on it that no gate still admits. Unknown means no.
public final class Gate: Sendable {
  struct State: Sendable {
    var table = GateTable()
    var leases = LeaseBook()
    /// Everything up to here is in the table and has had its effect.
    var applied = LogSequenceNumber.zero
    /// What it takes to judge a consistency token; `nil` until the consent service has said so.
    var tokens: TokenJudge?
    /// When a lease last began to count after a time without one.
    var liveSince = Int64.min

    /// Changes the leases, and notes when one begins to count.
    mutating func changeLeases(at now: Int64, _ change: (inout LeaseBook) -> Void) {
      if now >= leases.liveUntil { liveSince = now }
      change(&leases)
    }
  }

  /// Whose gate it is: the service and its instance.
  public let name: String
  let consent: ConsentClient?
  let effects: any GateEffects
  let time: any TimeSource
  let random: any RandomSource
  let log: Logger
  let configuration: GateConfiguration
  let state = Mutex(State())

  /// A gate that knows nothing and admits nothing until `run()` has caught up.
  public init(
    name: String, consent: ConsentClient, effects: any GateEffects = NoEffects(),
    time: any TimeSource = SystemTime(), random: any RandomSource = SystemRandom(), log: Logger,
    configuration: GateConfiguration = GateConfiguration()
  ) {
    self.name = name
    self.consent = consent
    self.effects = effects
    self.time = time
    self.random = random
    self.log = log
    self.configuration = configuration
  }

  private init(forTestsWith time: any TimeSource, effects: any GateEffects) {
    name = "test"
    consent = nil
    self.effects = effects
    self.time = time
    random = SystemRandom()
    log = Logger(label: "gate", factory: { _ in SwiftLogNoOpLogHandler() })
    configuration = GateConfiguration()
  }

  // MARK: Questions

  /// Whether data of `pid` for `scope` may be read now. About 200 ns; takes a short lock.
  public func admit(_ pid: PseudonymousID, scope: Scope) -> Admission {
    do throws(Withholding) {
      let permission = try permitted { (table, now) throws(Withholding) in
        try table.permission(of: pid, for: scope, at: now)
      }
      return .admitted(ConsentProof(pid: pid, scope: scope, permission: permission))
    } catch {
      return .withheld(error)
    }
  }

  /// Whether data of `pid` may be written under the receipt `consentID` now: it must be the latest
  /// receipt for at least one of its scopes, and in force.
  public func admitWrite(_ pid: PseudonymousID, consentID: String) -> WriteAdmission {
    guard let receipt = CompactConsentID(text: consentID) else {
      return .withheld(.unknownReceipt)
    }
    do throws(Withholding) {
      let (permission, scopes) = try permitted { (table, now) throws(Withholding) in
        try table.permission(of: pid, under: receipt, at: now)
      }
      return .admitted(
        WriteProof(
          pid: pid, consentID: receipt.consentID, scopes: scopes, permission: permission))
    } catch {
      return .withheld(error)
    }
  }

  /// Everything in the consent log up to here is known and has had its effect.
  public var appliedSequence: LogSequenceNumber { state.withLock { $0.applied } }

  /// Whether the gate holds a lease that counts.
  public var isLive: Bool { leasePeriod != nil }

  /// The time in which the gate has held leases without a gap, up to now; `nil` where it holds none.
  /// Whoever asks about many people and finds the same period before and after knows that nobody
  /// was withheld only because the lease was lost.
  public var leasePeriod: LeasePeriod? {
    state.withLock { state in
      guard time.monotonicMicroseconds < state.leases.liveUntil else { return nil }
      return LeasePeriod(since: state.liveSince)
    }
  }

  /// How many people the gate knows.
  public var personCount: Int { state.withLock { $0.table.personCount } }

  /// The bytes that the gate's table takes for its people.
  public var tableByteCount: Int { state.withLock { $0.table.byteCount } }

  /// Waits until everything up to `sequence` is applied. False where `timeoutMs` ran out before.
  public func waitUntilApplied(
    _ sequence: LogSequenceNumber, timeoutMs: Int
  ) async throws -> Bool {
    let end = time.monotonicMicroseconds + Int64(timeoutMs) * 1_000
    while appliedSequence < sequence {
      guard time.monotonicMicroseconds < end else { return false }
      try await time.sleep(milliseconds: 1)
    }
    return true
  }

  /// Asks the table and only then looks at the lease: a process that was stopped between the two
  /// does not answer from a table that has grown old.
  private func permitted<Answer: Sendable>(
    _ question: (borrowing GateTable, Timestamp) throws(Withholding) -> Answer
  ) throws(Withholding) -> Answer {
    let (answer, liveUntil) = state.withLock { state in
      (
        Result { () throws(Withholding) in try question(state.table, time.now) },
        state.leases.liveUntil
      )
    }
    guard time.monotonicMicroseconds < liveUntil else { throw .noLease }
    return try answer.get()
  }
}

/// A time in which a gate held leases without a gap.
public struct LeasePeriod: Hashable, Sendable {
  /// Its beginning, on the gate's monotonic clock.
  let since: Int64
}

// MARK: - For tests of services

extension Gate {
  /// A gate with a lease that never ends and a table filled by hand with `apply(_:)`.
  package static func forTests(
    time: any TimeSource = SystemTime(), effects: any GateEffects = NoEffects(),
    changes: [ConsentChange] = []
  ) -> Gate {
    let gate = Gate(forTestsWith: time, effects: effects)
    gate.giveLease()
    gate.state.withLock { state in
      for change in changes {
        do {
          try state.table.apply(change)
        } catch {
          preconditionFailure("the changes of a test fit the table: \(error)")
        }
        state.applied = max(state.applied, change.sequence)
      }
    }
    return gate
  }

  /// Gives a lease that never ends.
  package func giveLease() {
    state.withLock { state in
      state.changeLeases(at: time.monotonicMicroseconds) {
        $0.add(until: .max, sequence: .zero, applied: .zero)
      }
    }
  }

  /// Takes the lease away, as a consent service out of reach does.
  package func endLease() { state.withLock { $0.leases = LeaseBook() } }
}
