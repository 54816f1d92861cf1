internal import Synchronization

/// Numbers that several callers share, each given once.
final class SharedNumber: Sendable {
  private let next: Atomic<Int>

  init(_ first: Int) { next = Atomic(first) }

  /// The next number; `nil` when none is left before `end`.
  func take(before end: Int) -> Int? {
    let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
    return number < end ? number : nil
  }
}
