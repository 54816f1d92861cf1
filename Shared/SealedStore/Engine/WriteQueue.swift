internal import PrivacyCore

/// A transaction that a caller waits for. Belongs to the writer thread once it is in the queue.
protocol QueuedWrite: AnyObject, Sendable {
  /// Runs the body; `false` when it threw.
  func run(_ transaction: inout WriteTransaction) -> Bool
  /// Hands the body's result, or its error, to the caller.
  func finish(at sequence: LogSequenceNumber)
  /// Hands the store's error to the caller, in place of whatever the body gave.
  func fail(_ error: StoreError)
}

/// `@unchecked Sendable`: made by the caller, then touched by the writer thread alone.
@safe final class WriteJob<Value: Sendable>: QueuedWrite, @unchecked Sendable {
  typealias Body = @Sendable (inout WriteTransaction) throws -> Value

  private let body: Body
  private let continuation: UnsafeContinuation<Committed<Value>, any Error>
  private var result: Result<Value, any Error> = .failure(StoreError.closed)

  init(_ body: @escaping Body, _ continuation: UnsafeContinuation<Committed<Value>, any Error>) {
    self.body = body
    unsafe self.continuation = unsafe continuation
  }

  func run(_ transaction: inout WriteTransaction) -> Bool {
    do {
      result = .success(try body(&transaction))
      return true
    } catch {
      result = .failure(error)
      return false
    }
  }

  func finish(at sequence: LogSequenceNumber) {
    switch result {
    case .success(let value):
      unsafe continuation.resume(returning: Committed(value: value, sequence: sequence))
    case .failure(let error): unsafe continuation.resume(throwing: error)
    }
  }

  func fail(_ error: StoreError) { unsafe continuation.resume(throwing: error) }
}

/// What waits for the writer thread.
struct WriteQueue {
  var waiting: [any QueuedWrite] = []
  /// Callers that want writing resumed after a failure; each is told how the attempt ended.
  var resumptions: [@Sendable (StoreError?) -> Void] = []
  /// Somebody waits until the tables hold what is acknowledged now.
  var isApplyWanted = false
  /// Set by `close()`: what waits is still written, more is refused.
  var isClosed = false
  /// The writer thread waits to be woken.
  var writerSleeps = false
}
