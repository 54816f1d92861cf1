internal import PrivacyCore
internal import Synchronization
internal import TestSupport

/// A repeatable source of random bytes that says when the first of them are drawn.
final class HookedRandom: RandomSource {
  private let random = SeededRandom(seed: 1)
  private let hook = Mutex<(@Sendable () -> Void)?>(nil)

  /// Runs `body` once, before the next bytes are given out.
  func onNextDraw(_ body: @escaping @Sendable () -> Void) { hook.withLock { $0 = body } }

  func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    let body = hook.withLock { hook in
      defer { hook = nil }
      return hook
    }
    body?()
    random.fill(bytes)
  }
}
