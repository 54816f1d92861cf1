internal import Synchronization

/// What a store in memory leaves behind when its process dies: the durable part of its journal.
package final class MemoryDisk: Sendable {
  struct State {
    var storeID: [UInt8] = []
    /// The changes of each transaction; the first has position 1.
    var entries: [[UInt8]] = []
    /// What the next commit fails with, and whether its changes reach the disk all the same.
    var nextFailure: (error: StoreError, reachesDisk: Bool)?
    var isOpen = false
  }

  let state: Mutex<State>

  /// An empty disk.
  package init() { state = Mutex(State()) }

  private init(_ state: State) { self.state = Mutex(state) }

  /// A disk as this one is now: an old backup for later.
  package func copy() -> MemoryDisk {
    let (storeID, entries) = state.withLock { ($0.storeID, $0.entries) }
    return MemoryDisk(State(storeID: storeID, entries: entries))
  }

  /// How many transactions are durable.
  package var entryCount: Int { state.withLock { $0.entries.count } }

  /// Lets the next commit fail, as a full or broken disk does.
  ///
  /// - Parameter reachesDisk: whether the changes are found at the next start all the same, as
  ///   those of a commit whose fsync failed may be.
  package func failNextCommit(with error: StoreError, reachesDisk: Bool) {
    state.withLock { $0.nextFailure = (error, reachesDisk) }
  }

  /// The next commit succeeds again.
  package func mend() { state.withLock { $0.nextFailure = nil } }

  /// Makes the changes durable, all or none.
  func append(_ changes: [[UInt8]]) throws(StoreError) {
    let failure: StoreError? = state.withLock { state in
      let failure = state.nextFailure
      state.nextFailure = nil
      if failure?.reachesDisk != false { state.entries += changes }
      return failure?.error
    }
    if let failure { throw failure }
  }
}
