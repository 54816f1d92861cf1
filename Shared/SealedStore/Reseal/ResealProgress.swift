public import Cryptography

/// How fast a store is sealed anew.
public struct ResealPace: Hashable, Sendable {
  /// The paces there may be, in values a second.
  public static let range = 1...10_000_000

  /// The most values a second. 20,000 by default: a fifth of what one core does, so that readers and
  /// writers hardly notice.
  public let valuesPerSecondMax: Int

  /// A pace; what lies outside of `range` is taken to its nearer end.
  public init(valuesPerSecondMax: Int = 20_000) {
    self.valuesPerSecondMax = min(
      max(valuesPerSecondMax, Self.range.lowerBound), Self.range.upperBound)
  }
}

/// How far the sealing of a store under its current key is.
public struct ResealProgress: Sendable {
  /// What the job does.
  public enum State: String, Sendable {
    /// There was none in this store.
    case none
    /// It goes on.
    case running
    /// It was told to wait.
    case paused
    /// The process that ran it ended before it did.
    case interrupted
    /// Nothing is sealed under another key any more, as a walk over everything showed.
    case done
  }

  /// What the job does.
  public var state = State.none
  /// The key that everything is sealed under in the end.
  public var target: KeyID?
  /// What it is at: `waiting`, `counting`, `proving`, `journal` or the name of a table.
  public var part = ""
  /// How many values were sealed anew since the job was last started or resumed.
  public var resealedCount = 0
  /// How many values it found under other keys then: rows of tables and changes in the journal.
  public var valueCount = 0
  /// For how long it runs, in seconds.
  public var runningSeconds = 0.0
  /// Why it cannot go on at the moment; it tries again each second.
  public var failure: StoreError?

  /// Nothing yet.
  public init() {}

  /// How many values are left.
  public var remainingCount: Int { max(0, valueCount - resealedCount) }

  /// Values sealed anew, a second, since it was last started or resumed.
  public var valuesPerSecond: Double {
    runningSeconds > 0 ? Double(resealedCount) / runningSeconds : 0
  }

  /// How long it will take from now on at this rate; `nil` while nothing can be said.
  public var secondsLeft: Double? {
    guard state == .running, valuesPerSecond > 0 else { return nil }
    return Double(remainingCount) / valuesPerSecond
  }
}

/// What the callers and the thread of the job share.
struct ResealState {
  /// What the thread is to do next.
  enum Wanted {
    case run
    case pause
    /// The store is being closed.
    case end
  }

  var wanted = Wanted.run
  var isRunning = false
  var pace = ResealPace()
  /// When the thread began.
  var since: ContinuousClock.Instant?
  /// `nil` where no thread has run in this process.
  var progress: ResealProgress?
}
