internal import Foundation

/// A value behind a lock that threads can also wait on.
///
/// `@unchecked Sendable`: `value` is only touched between `lock()` and `unlock()`.
final class Monitor<Value>: @unchecked Sendable {
  private let condition = NSCondition()
  private var value: Value

  init(_ value: sending Value) { self.value = value }

  /// Runs `body` with the value to itself.
  func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    condition.lock()
    defer { condition.unlock() }
    return try body(&value)
  }

  /// Runs `body` and wakes every thread that waits.
  func update<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    condition.lock()
    defer {
      condition.broadcast()
      condition.unlock()
    }
    return try body(&value)
  }

  /// Asks `body` after each wake-up until it gives a result, or returns `nil` at `deadline`.
  func wait<Result>(until deadline: Date? = nil, _ body: (inout Value) -> Result?) -> Result? {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let result = body(&value) { return result }
      guard let deadline else {
        condition.wait()
        continue
      }
      if !condition.wait(until: deadline) { return body(&value) }
    }
  }
}
