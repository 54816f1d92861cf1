internal import CLMDB

/// A write transaction of one file: committed once, or rolled back when it is dropped. Stays on
/// the thread that began it.
@safe struct WriteHandle: ~Copyable {
  private let transaction: OpaquePointer
  private let environment: Environment
  private var isOpen = true

  init(_ transaction: OpaquePointer, environment: Environment) {
    unsafe self.transaction = unsafe transaction
    self.environment = environment
  }

  /// Makes the changes durable.
  consuming func commit() throws(StoreError) {
    isOpen = false
    try environment.check(unsafe mdb_txn_commit(transaction))
  }

  deinit { if isOpen { unsafe mdb_txn_abort(transaction) } }

  /// The number of the named database, which is made when it is not there.
  func database(_ name: String) throws(StoreError) -> UInt32 {
    var database: MDB_dbi = 0
    try environment.check(unsafe mdb_dbi_open(transaction, name, UInt32(MDB_CREATE), &database))
    return database
  }

  func get(_ database: UInt32, _ key: UnsafeRawBufferPointer) throws(StoreError)
    -> UnsafeRawBufferPointer?
  {
    try unsafe getValue(transaction, database, key)
  }

  /// Adds or replaces a row. With `appending` the key must be behind all others.
  func put(
    _ database: UInt32, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
    appending: Bool = false
  ) throws(StoreError) {
    var keyValue = unsafe MDB_val(
      mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
    var data = unsafe MDB_val(
      mv_size: value.count, mv_data: UnsafeMutableRawPointer(mutating: value.baseAddress))
    try environment.check(
      unsafe mdb_put(
        transaction, database, &keyValue, &data, appending ? UInt32(MDB_APPEND) : 0))
  }

  /// Removes a row; does nothing when it is not there.
  func delete(_ database: UInt32, _ key: UnsafeRawBufferPointer) throws(StoreError) {
    var keyValue = unsafe MDB_val(
      mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
    let code = unsafe mdb_del(transaction, database, &keyValue, nil)
    if code != MDB_NOTFOUND { try environment.check(code) }
  }

  /// A cursor that must not outlive the transaction.
  func cursor(_ database: UInt32) throws(StoreError) -> Cursor {
    try unsafe Cursor(transaction, database)
  }
}
