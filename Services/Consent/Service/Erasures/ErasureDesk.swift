internal import ConsentAPI
internal import PrivacyCore
internal import Synchronization

/// The erasures whose certificate waits for the word of a store: which gate is to be asked about what,
/// and what they answered.
package final class ErasureDesk: Sendable {
  /// An erasure that somebody has not spoken of yet.
  private struct Open {
    let pid: PseudonymousID
    /// The stores whose statement is missing.
    var missing: Set<String>
    /// When each was asked last, on the monotonic clock.
    var askedAt: [String: Int64] = [:]
  }

  /// What a store said.
  package struct Answer: Sendable {
    let sequence: UInt64
    let service: String
    let note: [UInt8]

    package init(sequence: UInt64, service: String, note: [UInt8]) {
      self.sequence = sequence
      self.service = service
      self.note = note
    }
  }

  private struct State {
    var open: [UInt64: Open] = [:]
    var answers: [Answer] = []
  }

  private let state = Mutex(State())
  private let time: any TimeSource
  private let retryMicroseconds: Int64

  /// Tells that a store answered.
  let arrived: Signal
  /// Tells that an erasure was certified, or lacks one store less.
  let settled: Signal

  /// - Parameter retryMs: after how long a store that did not answer is asked again.
  init(time: any TimeSource, retryMs: Int) {
    self.time = time
    retryMicroseconds = Int64(retryMs) * 1_000
    arrived = Signal(time: time)
    settled = Signal(time: time)
  }

  /// Whether the desk knows something else of an erasure than that these are missing.
  func isNews(_ sequence: UInt64, missing: Set<String>) -> Bool {
    state.withLock { $0.open[sequence]?.missing ?? [] } != missing
  }

  /// How an erasure stands.
  struct Standing {
    let sequence: UInt64
    let pid: PseudonymousID
    /// The stores whose statement is missing.
    let missing: Set<String>
  }

  /// Opens erasures, or notes which stores are still missing; none: it is closed.
  func update(_ standings: [Standing]) {
    state.withLock { state in
      for standing in standings {
        if standing.missing.isEmpty {
          state.open[standing.sequence] = nil
        } else {
          state.open[
            standing.sequence, default: Open(pid: standing.pid, missing: standing.missing)
          ].missing = standing.missing
        }
      }
    }
    settled.notify()
  }

  /// What is to be asked of a store that has confirmed the log up to `confirmed`, oldest first.
  func questions(for service: String, confirmed: UInt64) -> [ErasureQuestion] {
    let now = time.monotonicMicroseconds
    return state.withLock { state in
      var questions: [ErasureQuestion] = []
      guard !state.open.isEmpty else { return [] }
      for (sequence, open) in state.open
      where sequence <= confirmed && open.missing.contains(service) {
        if let asked = open.askedAt[service], now - asked < retryMicroseconds { continue }
        state.open[sequence]?.askedAt[service] = now
        questions.append(ErasureQuestion(pid: open.pid.bytes, sequence: sequence))
      }
      return questions.sorted { $0.sequence < $1.sequence }
    }
  }

  /// Takes what a store says; what nobody asked for is dropped.
  func take(_ answers: [ErasureAnswer], from service: String) {
    let isAnyAwaited = state.withLock { state in
      let awaited = answers.filter {
        state.open[$0.sequence]?.missing.contains(service) == true
      }
      state.answers += awaited.map {
        Answer(sequence: $0.sequence, service: service, note: $0.statement)
      }
      return !awaited.isEmpty
    }
    if isAnyAwaited { arrived.notify() }
  }

  /// The answers since the last look.
  func takeAnswers() -> [Answer] {
    state.withLock { state in
      defer { state.answers = [] }
      return state.answers
    }
  }

  /// Whether a question to some store is due.
  var isWaiting: Bool { state.withLock { !$0.open.isEmpty } }

  /// How many erasures wait for a store.
  var openCount: Int { state.withLock { $0.open.count } }
}
