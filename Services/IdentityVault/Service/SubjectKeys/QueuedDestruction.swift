internal import SealedStore
internal import Synchronization

/// A step at which a destruction of keys can be cut off.
package enum DestructionStep: Sendable, CaseIterable {
  /// The next epoch's key is wrapped; nothing has changed.
  case prepared
  /// The store has given the slots up; the file still has their keys.
  case givenUp
  /// The file has them no more; the store does not know of it.
  case destroyed
  /// All is done, but for the answer.
  case settled
}

/// Somebody who waits until keys are destroyed, together with others.
protocol QueuedDestruction: AnyObject, Sendable {
  /// Makes the change to the store that gives slots up.
  func run(on store: SealedStore, epoch: UInt64) async
  /// The slots are destroyed: what `run` gave counts.
  func settle()
  /// They are not.
  func fail(_ error: any Error)
}

/// A change to the store, and what became of it.
final class DestructionJob<Value: Sendable>: QueuedDestruction {
  typealias Change = @Sendable (inout WriteTransaction, UInt64) throws -> Value

  private struct State {
    var outcome: Result<Value, any Error>?
    var isSettled = false
  }

  private let change: Change
  private let state = Mutex(State())

  init(_ change: @escaping Change) { self.change = change }

  /// What became of it, once that is certain.
  var result: Result<Value, any Error>? {
    state.withLock { $0.isSettled ? $0.outcome : nil }
  }

  func run(on store: SealedStore, epoch: UInt64) async {
    let change = change
    let outcome: Result<Value, any Error>
    do {
      outcome = .success(try await store.write { try change(&$0, epoch) }.value)
    } catch {
      outcome = .failure(error)
    }
    state.withLock { $0.outcome = outcome }
  }

  func settle() { state.withLock { $0.isSettled = true } }

  func fail(_ error: any Error) {
    state.withLock { state in
      // A change that was refused has its own reason.
      if case .failure = state.outcome {} else { state.outcome = .failure(error) }
      state.isSettled = true
    }
  }
}
