package import ConsentAPI
package import PrivacyCore
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
    /// The stores whose answer is being written down.
    var answered: Set<String> = []
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

  /// How many answers of one store are waited for at once: it applies changes and renews its lease
  /// behind them.
  package static let questionCountMax = 32
  /// How many answers are written down at once: withdrawals wait behind them.
  package static let answerCountMax = 32

  /// Tells that a store answered.
  let arrived: Signal
  /// Tells that an erasure was certified, or lacks one store less.
  let settled: Signal

  /// - Parameter retryMs: after how long a store that did not answer is asked again.
  package init(time: any TimeSource, retryMs: Int) {
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
  package struct Standing {
    let sequence: UInt64
    let pid: PseudonymousID
    /// The stores whose statement is missing.
    let missing: Set<String>

    package init(sequence: UInt64, pid: PseudonymousID, missing: Set<String>) {
      self.sequence = sequence
      self.pid = pid
      self.missing = missing
    }
  }

  /// Opens erasures, or notes which stores are still missing; none: it is closed.
  package func update(_ standings: [Standing]) {
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

  /// What is to be asked of a store that has confirmed the log up to `confirmed`, oldest first: no more
  /// than it may be asked at once.
  package func questions(for service: String, confirmed: UInt64) -> [ErasureQuestion] {
    let now = time.monotonicMicroseconds
    return state.withLock { state in
      var due: [UInt64] = []
      var askedCount = 0
      for (sequence, open) in state.open
      where sequence <= confirmed && open.missing.contains(service)
        && !open.answered.contains(service)
      {
        if let asked = open.askedAt[service], now - asked < retryMicroseconds {
          askedCount += 1
        } else {
          due.append(sequence)
        }
      }
      let room = max(0, Self.questionCountMax - askedCount)
      return due.sorted().prefix(room).compactMap { sequence in
        state.open[sequence]?.askedAt[service] = now
        return state.open[sequence].map { ErasureQuestion(pid: $0.pid.bytes, sequence: sequence) }
      }
    }
  }

  /// Takes what a store says; what nobody asked for is dropped.
  package func take(_ answers: [ErasureAnswer], from service: String) {
    let isAnyAwaited = state.withLock { state in
      let awaited = answers.filter {
        guard let open = state.open[$0.sequence] else { return false }
        return open.missing.contains(service) && !open.answered.contains(service)
      }
      for answer in awaited { state.open[answer.sequence]?.answered.insert(service) }
      state.answers += awaited.map {
        Answer(sequence: $0.sequence, service: service, note: $0.statement)
      }
      return !awaited.isEmpty
    }
    if isAnyAwaited { arrived.notify() }
  }

  /// The oldest answers that were not taken up yet.
  package func takeAnswers() -> [Answer] {
    state.withLock { state in
      let answers = Array(state.answers.prefix(Self.answerCountMax))
      state.answers.removeFirst(answers.count)
      return answers
    }
  }

  /// These answers are written down, or were none: where something is still missing it is asked for
  /// again.
  package func release(_ answers: [Answer]) {
    state.withLock { state in
      for answer in answers { state.open[answer.sequence]?.answered.remove(answer.service) }
    }
  }

  /// Whether a question to some store is due.
  var isWaiting: Bool { state.withLock { !$0.open.isEmpty } }

  /// How many erasures wait for a store.
  var openCount: Int { state.withLock { $0.open.count } }
}
