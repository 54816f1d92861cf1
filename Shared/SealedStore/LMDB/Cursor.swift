internal import CLMDB

/// A place in one database. Closed when it is dropped, which must be before its transaction ends.
@safe struct Cursor: ~Copyable {
  private let handle: OpaquePointer

  init(_ transaction: OpaquePointer, _ database: UInt32) throws(StoreError) {
    var handle: OpaquePointer?
    let code = unsafe mdb_cursor_open(transaction, database, &handle)
    guard code == MDB_SUCCESS, let handle = unsafe handle else {
      throw .inputOutput("LMDB gave no cursor (\(code))")
    }
    unsafe self.handle = unsafe handle
  }

  deinit { unsafe mdb_cursor_close(handle) }

  /// A row, in memory that holds until the transaction ends or changes it.
  typealias Row = (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)

  func first() throws(StoreError) -> Row? { try unsafe move(MDB_FIRST) }
  func last() throws(StoreError) -> Row? { try unsafe move(MDB_LAST) }
  func next() throws(StoreError) -> Row? { try unsafe move(MDB_NEXT) }
  func previous() throws(StoreError) -> Row? { try unsafe move(MDB_PREV) }

  /// The first row whose key is `key` or behind it.
  func first(from key: UnsafeRawBufferPointer) throws(StoreError) -> Row? {
    if key.count == 0 { return try unsafe first() }
    return try unsafe move(MDB_SET_RANGE, key)
  }

  /// The last row before `key`.
  func last(before key: UnsafeRawBufferPointer) throws(StoreError) -> Row? {
    if key.count == 0 { return nil }
    return try unsafe move(MDB_SET_RANGE, key) == nil ? last() : previous()
  }

  /// Adds or replaces a row. Keys in ascending order are fastest: they mostly stay on one page.
  func put(
    _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, in environment: Environment
  ) throws(StoreError) {
    var keyValue = unsafe MDB_val(
      mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
    var data = unsafe MDB_val(
      mv_size: value.count, mv_data: UnsafeMutableRawPointer(mutating: value.baseAddress))
    try environment.check(unsafe mdb_cursor_put(handle, &keyValue, &data, 0))
  }

  /// Removes the row of `key`; does nothing when there is none.
  func delete(_ key: UnsafeRawBufferPointer, in environment: Environment) throws(StoreError) {
    guard try unsafe move(MDB_SET, key) != nil else { return }
    try environment.check(unsafe mdb_cursor_del(handle, 0))
  }

  /// Removes the row the cursor is at.
  func deleteCurrent() throws(StoreError) {
    let code = unsafe mdb_cursor_del(handle, 0)
    guard code == MDB_SUCCESS else { throw .inputOutput("a row cannot be removed (\(code))") }
  }

  private func move(
    _ operation: MDB_cursor_op,
    _ key: UnsafeRawBufferPointer = unsafe noBytes
  ) throws(StoreError) -> Row? {
    var keyValue = unsafe MDB_val(
      mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
    var value = unsafe MDB_val()
    switch unsafe mdb_cursor_get(handle, &keyValue, &value, operation) {
    case MDB_SUCCESS:
      return unsafe (
        UnsafeRawBufferPointer(start: keyValue.mv_data, count: keyValue.mv_size),
        UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
      )
    case MDB_NOTFOUND: return nil
    case let code: throw .corrupted("a row cannot be read (LMDB \(code))")
    }
  }
}
