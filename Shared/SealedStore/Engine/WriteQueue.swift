internal import PrivacyCore

/// A transaction that a caller waits for. Belongs to the writer thread once it is in the queue.
protocol QueuedWrite: AnyObject, Sendable {
  /// Runs the body; `false` when it threw.
  func run(_ transaction: inout WriteTransaction) -> Bool
  /// Tells the caller the position, or the error that the body threw.
  func finish(at sequence: LogSequenceNumber)
  /// Hands the store's error to the caller, in place of whatever the body gave.
  func fail(_ error: StoreError)
}

/// A transaction with the continuation of its caller.
///
/// `@unchecked Sendable`: made by the caller, then touched by the writer thread, then by the
/// committer, each behind a lock after the other.
@safe final class WriteJob: QueuedWrite, @unchecked Sendable {
  // Not generic over what the body returns: for a generic class the runtime would look up half a
  // dozen types for each write.
  typealias Body = @Sendable (inout WriteTransaction) throws -> Void

  private let body: Body
  private let continuation: UnsafeContinuation<LogSequenceNumber, any Error>
  private var failure: (any Error)?

  init(_ body: @escaping Body, _ continuation: UnsafeContinuation<LogSequenceNumber, any Error>) {
    self.body = body
    unsafe self.continuation = unsafe continuation
  }

  func run(_ transaction: inout WriteTransaction) -> Bool {
    do {
      try body(&transaction)
      return true
    } catch {
      failure = error
      return false
    }
  }

  func finish(at sequence: LogSequenceNumber) {
    if let failure {
      unsafe continuation.resume(throwing: failure)
    } else {
      unsafe continuation.resume(returning: sequence)
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
  /// The committer has a group.
  var committerIsBusy = false
  /// The group whose commit failed, until the writer has taken it out of memory.
  var failed: FailedGroup?
  /// The writer thread waits to be woken.
  var writerSleeps = false

  /// While a commit runs nobody is served sooner by running one more body: the writer sleeps until
  /// some have come.
  private static let wakingCountWhileBusy = 32

  /// Whether enough waits to be worth the writer's waking up.
  var isWorthWaking: Bool {
    waiting.count >= (committerIsBusy ? Self.wakingCountWhileBusy : 1)
  }
}

/// Transactions that have run and share one commit of the journal.
struct WriteGroup: Sendable {
  /// Their changes in the journal's form, and where each transaction's lie.
  var bytes: [UInt8] = []
  var entries: [Journal.Entry] = []
  /// Who is to be answered, in order, also those that changed nothing.
  var done: [(write: any QueuedWrite, sequence: UInt64)] = []
  /// The position of the last change, and up to where the journal may be cut.
  var last: UInt64 = 0
  var cutThrough: UInt64 = 0
  /// What `Overlay.active` amounts to with this group.
  var activeRowCount = 0
  var activeByteCount = 0

  /// Hands the error to every caller.
  func fail(_ error: StoreError) {
    for (write, _) in done { write.fail(error) }
  }
}

/// A group that is not on disk, and why.
struct FailedGroup: Sendable {
  let group: WriteGroup
  let error: StoreError
}

/// What the committer waits for.
struct CommitSlot {
  var group: WriteGroup?
  /// The writer has stopped: there will be no more groups.
  var isFinished = false
}
