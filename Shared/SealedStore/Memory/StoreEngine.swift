/// What stands below a store: two LMDB files with threads of their own, or memory.
protocol StoreEngine: AnyObject, Sendable {
  /// The store's own id.
  var storeID: [UInt8] { get }

  /// What stands for this history of the store: another one after each restore from a backup.
  var historyID: [UInt8] { get }

  /// The newest acknowledged change.
  var lastPosition: UInt64 { get }

  /// Runs `body` with a view that holds every change acknowledged so far.
  func withView<Result>(_ body: (View) throws -> Result) throws -> Result

  /// Takes a transaction, whose caller it answers when it is durable; or says why it does not.
  func enqueue(_ write: any QueuedWrite) -> StoreError?

  /// Tries to write again after a failed commit, and tells `finish` how that went; or says why not.
  func enqueueResumption(_ finish: @escaping @Sendable (StoreError?) -> Void) -> StoreError?

  /// Writes what waits and lets go of the files.
  func close()
}
