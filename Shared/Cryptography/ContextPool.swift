internal import Synchronization

/// OpenSSL contexts that are kept with their key schedule. A caller has a context for itself from
/// taking it to giving it back; as many exist as callers were ever busy at once, up to a limit.
@safe final class ContextPool: Sendable {
  /// More idle contexts than this are freed.
  static let idleCountMax = 16

  // Sendable, although the pointer is not: a context is in the pool or with one caller, never
  // both, and the mutex orders one caller's use of it before the next one's.
  @safe private struct Context: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  private let idle = Mutex<[Context]>([])
  private let free: @Sendable (OpaquePointer) -> Void

  init(free: @escaping @Sendable (OpaquePointer) -> Void) {
    unsafe self.free = unsafe free
  }

  /// Runs `body` with a kept context, or with a new one from `make`. A context is not used again
  /// after a failure.
  func withContext<Result>(
    orMake make: () throws(CryptographyError) -> OpaquePointer,
    _ body: (OpaquePointer) throws(CryptographyError) -> Result
  ) throws(CryptographyError) -> Result {
    let context: Context
    if let idle = take() {
      context = idle
    } else {
      context = try unsafe Context(pointer: make())
    }
    do throws(CryptographyError) {
      let result = try unsafe body(context.pointer)
      give(context)
      return result
    } catch {
      unsafe free(context.pointer)
      throw error
    }
  }

  private func take() -> Context? { idle.withLock { $0.popLast() } }

  private func give(_ context: Context) {
    let isKept = idle.withLock { idle in
      guard idle.count < Self.idleCountMax else { return false }
      idle.append(context)
      return true
    }
    if !isKept { unsafe free(context.pointer) }
  }

  deinit {
    let contexts = idle.withLock { $0 }
    for context in contexts { unsafe free(context.pointer) }
  }
}
