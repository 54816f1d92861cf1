internal import PrivacyCore
internal import SealedStore
internal import Synchronization

/// What must be known of former pids before the store is asked: whether there are any, and which are
/// nobody's any more. Costs a load where no rotation runs.
package final class FormerNames: Sendable {
  private let areHeld = Atomic<Bool>(false)
  private let retired = Atomic<UInt32>(0)

  /// The former pids that `store` holds.
  init(in store: SealedStore) throws {
    let (hasAny, retired) = try store.read { snapshot in
      (
        try !snapshot.keys(ConsentTables.names, limit: 1).isEmpty,
        try RenamingProgress(in: snapshot).retiredRotation
      )
    }
    areHeld.store(hasAny, ordering: .releasing)
    self.retired.store(retired, ordering: .releasing)
  }

  /// The last rotation that is over.
  var retiredRotation: UInt32 { retired.load(ordering: .acquiring) }

  /// Whether there may be any.
  var mayBeHeld: Bool { areHeld.load(ordering: .acquiring) }

  /// There will be some: to be called while the transaction that writes the first one runs, so that
  /// whoever finds its rows asks whose they are.
  func hold() { areHeld.store(true, ordering: .releasing) }

  /// There are none any more.
  func drop() { areHeld.store(false, ordering: .releasing) }

  /// The rotation, and those before it, are over.
  func retire(_ rotation: UInt32) {
    _ = retired.max(rotation, ordering: .acquiringAndReleasing)
  }

  /// The pid under which the person is kept whom `pid` means. To be asked in the snapshot or
  /// transaction that the person's rows are read or written in.
  func current(
    _ pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PseudonymousID {
    // Asked for behind the opening of the snapshot: one that has former pids finds this set.
    guard areHeld.load(ordering: .acquiring),
      let name = try reader.get(ConsentTables.names, pid), name.rotation > retiredRotation
    else { return pid }
    return name.pid
  }

  /// Whether a pid was replaced by a rotation that is over: it means nobody.
  func isRetired(
    _ pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> Bool {
    let retired = retiredRotation
    guard retired > 0 else { return false }
    if try reader.contains(ConsentTables.retiredNames, pid) { return true }
    guard mayBeHeld, let name = try reader.get(ConsentTables.names, pid) else { return false }
    return name.rotation <= retired
  }
}
