internal import Glibc

/// Where the time comes from. A parameter everywhere, so that tests and simulations decide it.
public protocol TimeSource: Sendable {
  /// The wall clock: what receipts, events and logs are dated with. It may jump.
  var now: Timestamp { get }

  /// Microseconds on a clock that never goes back: what leases and deadlines are measured with.
  var monotonicMicroseconds: Int64 { get }

  /// Returns after so many microseconds, at once for 0 and less; throws when the task is cancelled.
  func sleep(microseconds: Int64) async throws(CancellationError)
}

extension TimeSource {
  // A clock that only tests move still waits in real time: nobody would wake the sleeper.
  public func sleep(microseconds: Int64) async throws(CancellationError) {
    do {
      try await Task.sleep(for: .microseconds(max(0, microseconds)))
    } catch {
      throw CancellationError()
    }
  }

  /// Returns after so many milliseconds; throws when the task is cancelled.
  public func sleep(milliseconds: Int) async throws(CancellationError) {
    try await sleep(microseconds: Int64(milliseconds) * 1_000)
  }
}

/// The machine's own clocks.
public struct SystemTime: TimeSource {
  /// The machine's own clocks.
  public init() {}

  public var now: Timestamp { Timestamp(microseconds: Self.read(CLOCK_REALTIME)) }

  public var monotonicMicroseconds: Int64 { Self.read(CLOCK_MONOTONIC) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
  }
}
