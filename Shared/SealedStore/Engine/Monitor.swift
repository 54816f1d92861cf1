internal import Glibc

/// A value behind a lock that threads can also wait on.
///
/// `@unchecked Sendable`: `value` is only touched between `lock()` and `unlock()`.
@safe final class Monitor<Value>: @unchecked Sendable {
  // POSIX's own, because Foundation's condition costs as much again, and every read passes here.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var value: Value

  init(_ value: sending Value) {
    self.value = value
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    // A deadline must not move when somebody sets the time of day.
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(condition, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  private func lock() { unsafe pthread_mutex_lock(mutex) }
  private func unlock() { unsafe pthread_mutex_unlock(mutex) }

  /// Runs `body` with the value to itself.
  func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    lock()
    defer { unlock() }
    return try body(&value)
  }

  /// Runs `body` and wakes every thread that waits.
  func update<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    lock()
    defer {
      unsafe pthread_cond_broadcast(condition)
      unlock()
    }
    return try body(&value)
  }

  /// Asks `body` after each wake-up until it gives a result, or once more after `seconds` and then
  /// returns what that gives.
  func wait<Result>(seconds: Double? = nil, _ body: (inout Value) -> Result?) -> Result? {
    var deadline = seconds.map { Self.deadline(after: $0) } ?? timespec()
    lock()
    defer { unlock() }
    while true {
      if let result = body(&value) { return result }
      if seconds == nil {
        unsafe pthread_cond_wait(condition, mutex)
      } else if unsafe pthread_cond_timedwait(condition, mutex, &deadline) != 0 {
        return body(&value)
      }
    }
  }

  private static func deadline(after seconds: Double) -> timespec {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    let nanoseconds = time.tv_nsec + Int((seconds * 1e9).rounded())
    return timespec(
      tv_sec: time.tv_sec + nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
  }
}
