internal import PrivacyCore
internal import Synchronization
internal import TransparencyLog

/// Reads that wait to be logged as a batch.
final class ReadCollector: Sendable {
  /// The most bytes of one batch: all of it is one transaction.
  private static let batchByteCountMax = 8 << 20

  /// A read that waits.
  struct Event {
    let row: SaltedContent
    let commitment: MerkleHash
    let at: Timestamp
    var byteCount: Int { row.content.count + 2 * SaltedCommitment.saltByteCount }
  }

  /// Reads that came while no more could wait.
  struct Lost: Equatable {
    var count: UInt64
    var from: Timestamp
    var to: Timestamp
  }

  private struct State {
    var events: [Event] = []
    var byteCount = 0
    var lost: Lost?
    var isScheduled = false
  }

  private let configuration: AuditLogConfiguration
  private let state = Mutex(State())

  init(configuration: AuditLogConfiguration) { self.configuration = configuration }

  /// Keeps a read; answers whether the caller must start the task that logs what waits.
  func add(_ event: Event) -> Bool {
    state.withLock { state in
      if state.events.count >= configuration.waitingReadCountMax
        || state.byteCount + event.byteCount > configuration.waitingReadByteCountMax
      {
        var lost = state.lost ?? Lost(count: 0, from: event.at, to: event.at)
        lost.count += 1
        lost.to = max(lost.to, event.at)
        state.lost = lost
      } else {
        state.events.append(event)
        state.byteCount += event.byteCount
      }
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
  }

  /// Takes the reads of the next batch, and what was lost so far.
  func take() -> (events: [Event], lost: Lost?) {
    state.withLock { state in
      var byteCount = 0
      var count = 0
      let countMax = min(max(1, configuration.readBatchCountMax), 65_536)
      while count < min(state.events.count, countMax) {
        byteCount += state.events[count].byteCount
        if count > 0, byteCount > Self.batchByteCountMax { break }
        count += 1
      }
      let events = Array(state.events[..<count])
      state.events.removeFirst(count)
      state.byteCount -= events.reduce(0) { $0 + $1.byteCount }
      defer { state.lost = nil }
      return (events, state.lost)
    }
  }

  /// Puts back what could not be logged.
  func putBack(_ events: [Event], _ lost: Lost?) {
    state.withLock { state in
      state.events = events + state.events
      state.byteCount += events.reduce(0) { $0 + $1.byteCount }
      guard let lost else { return }
      guard let later = state.lost else {
        state.lost = lost
        return
      }
      state.lost = Lost(
        count: lost.count + later.count, from: min(lost.from, later.from),
        to: max(lost.to, later.to))
    }
  }

  /// Whether nothing waits; if so, the next read starts the task again.
  func rest() -> Bool {
    state.withLock { state in
      guard state.events.isEmpty, state.lost == nil else { return false }
      state.isScheduled = false
      return true
    }
  }

  /// How many reads wait.
  var waitingCount: Int { state.withLock { $0.events.count } }
}
