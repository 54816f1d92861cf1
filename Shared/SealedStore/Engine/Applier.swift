internal import Glibc

/// The thread that brings the tables up to date: one transaction for each frozen memtable, in key
/// order, together with the position it reaches.
struct Applier: ~Copyable {
  private let core: StoreCore

  /// How long to wait after a failure, in seconds.
  private static let retryDelay = 1.0

  init(_ core: StoreCore) { self.core = core }

  /// How much the thread steps back behind those that callers wait for: a nice value. Once memory
  /// is full they wait for it, and it has the processor for itself.
  private static let niceness: Int32 = 10

  consuming func run() {
    // On Linux this is the calling thread's own. Refused, it changes nothing but the speed.
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
    while let changes = nextChanges() {
      do throws(StoreError) {
        try apply(changes)
        core.overlay.update { overlay in
          overlay.frozen = nil
          overlay.applied = changes.lastSequence
          overlay.applyFailure = nil
        }
      } catch {
        let failure = error
        let isDraining = core.overlay.update { overlay in
          overlay.applyFailure = failure
          return overlay.isDraining
        }
        // The journal has what the tables lack: the next start tries again.
        if isDraining { return }
        _ = core.overlay.wait(seconds: Self.retryDelay) { $0.isDraining ? () : nil }
      }
    }
  }

  /// Waits for the next memtable; `nil` when there will be none.
  private func nextChanges() -> Memtable? {
    let next: Memtable?? = core.overlay.wait { overlay in
      if let frozen = overlay.frozen { return .some(frozen) }
      return overlay.isDraining ? .some(nil) : nil
    }
    return next ?? nil
  }

  private func apply(_ changes: Memtable) throws(StoreError) {
    let transaction = try core.tables.beginWrite()
    var node = unsafe changes.first(from: noBytes, limit: .max)
    var rowCount = 0
    while let first = node { node = try applyTable(changes, from: first, transaction, &rowCount) }
    var writer = KeyWriter()
    writer.append(changes.lastSequence)
    try transaction.put(core.meta, MetaKey.applied, writer.bytes)
    try transaction.commit()
    core.counters.withLock { counters in
      counters.applyCount += 1
      counters.appliedRowCount += rowCount
    }
  }

  /// Applies the changes of one table and gives the first of the next one.
  private func applyTable(
    _ changes: Memtable, from first: MemtableNode, _ transaction: borrowing WriteHandle,
    _ rowCount: inout Int
  ) throws(StoreError) -> MemtableNode? {
    let cursor = try transaction.cursor(core.catalog.database(id: first.tableID))
    var node: MemtableNode? = first
    while let change = node, change.tableID == first.tableID {
      if let value = unsafe change.value {
        try unsafe cursor.put(change.tableKey, value, in: core.tables)
      } else {
        try unsafe cursor.delete(change.tableKey, in: core.tables)
      }
      rowCount += 1
      node = changes.next(after: change, limit: .max)
    }
    return node
  }
}

extension MemtableNode {
  /// The table's number, the first two bytes of the key.
  var tableID: UInt16 { unsafe UInt16(bigEndian: key.loadUnaligned(as: UInt16.self)) }
}
