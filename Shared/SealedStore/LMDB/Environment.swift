internal import CLMDB
internal import Foundation
internal import Synchronization

/// One LMDB file and its pool of read transactions.
///
/// `@unchecked Sendable`: LMDB's environment may be used from any thread (MDB_NOTLS); the pool is
/// behind a lock; write transactions are begun by one thread only, which the owner sees to.
@safe final class Environment: @unchecked Sendable {
  /// For the texts of errors: `journal` or `tables`.
  let name: String
  let mapByteCountMax: Int
  private let readerCountMax: Int
  private let directory: URL
  private let handle: OpaquePointer
  private let pool = Monitor(ReaderPool())

  private struct ReaderPool {
    var idle: [ReaderHandle] = []
    var busyCount = 0
    var isClosing = false
    var isClosed = false
  }

  /// Opens the file `data.mdb` in `directory`, which is made when it is not there.
  init(
    _ name: String, at directory: URL, mapByteCountMax: Int, databaseCountMax: Int,
    readerCountMax: Int
  ) throws(StoreError) {
    self.name = name
    self.mapByteCountMax = mapByteCountMax
    self.readerCountMax = readerCountMax
    self.directory = directory
    try makeDirectory(directory)
    var handle: OpaquePointer?
    try Self.check(unsafe mdb_env_create(&handle), name, directory)
    guard let handle = unsafe handle else { throw .inputOutput("LMDB gave no environment") }
    do throws(StoreError) {
      try Self.check(unsafe mdb_env_set_mapsize(handle, mapByteCountMax), name, directory)
      try Self.check(
        unsafe mdb_env_set_maxdbs(handle, MDB_dbi(databaseCountMax)), name, directory)
      try Self.check(
        unsafe mdb_env_set_maxreaders(handle, UInt32(readerCountMax + 8)), name, directory)
      // The rows of a store are read at random: reading ahead would only push out what is used.
      let flags = UInt32(MDB_NOTLS | MDB_NORDAHEAD)
      try Self.check(unsafe mdb_env_open(handle, directory.path, flags, 0o600), name, directory)
      try unsafe Self.checkLength(handle, name, directory)
    } catch {
      unsafe mdb_env_close(handle)
      throw error
    }
    unsafe self.handle = unsafe handle
  }

  /// Refuses a file that is shorter than its own header says: reading it would end the process.
  private static func checkLength(
    _ handle: OpaquePointer, _ name: String, _ directory: URL
  ) throws(StoreError) {
    var info = unsafe MDB_envinfo()
    var statistics = MDB_stat()
    guard unsafe mdb_env_info(handle, &info) == 0, unsafe mdb_env_stat(handle, &statistics) == 0,
      let byteCount = fileByteCount(directory.appending(path: "data.mdb"))
    else { throw .inputOutput("the header of \(name) cannot be read") }
    // A new file has no page before its first commit; then the last page's number is 1.
    let needed =
      unsafe info.me_last_pgno < 2 ? 0 : (info.me_last_pgno + 1) * Int(statistics.ms_psize)
    guard byteCount >= needed else {
      throw .corrupted("the file of \(name) has \(byteCount) bytes, \(needed) are needed")
    }
  }

  /// Begins the one write transaction there may be.
  func beginWrite() throws(StoreError) -> WriteHandle {
    var transaction: OpaquePointer?
    try check(unsafe mdb_txn_begin(handle, nil, 0, &transaction))
    guard let transaction = unsafe transaction else {
      throw .inputOutput("LMDB gave no transaction")
    }
    return unsafe WriteHandle(transaction, environment: self)
  }

  // MARK: - Readers

  /// Runs `body` with a read transaction from the pool.
  func read<Result>(_ body: (ReaderHandle) throws -> Result) throws -> Result {
    let reader = try acquireReader()
    defer { release(reader) }
    return try body(reader)
  }

  /// A read transaction that sees the file as it is now. Give it back with `release`.
  ///
  /// - Parameter isReserved: the writer's own reader, which no number of others may keep out.
  func acquireReader(isReserved: Bool = false) throws(StoreError) -> ReaderHandle {
    let pooled = try take(reader: true, isReserved: isReserved)
    do throws(StoreError) {
      if let pooled {
        try check(unsafe mdb_txn_renew(pooled.transaction))
        return pooled
      }
      var transaction: OpaquePointer?
      try check(unsafe mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &transaction))
      guard let transaction = unsafe transaction else {
        throw StoreError.inputOutput("LMDB gave no transaction")
      }
      return unsafe ReaderHandle(transaction: transaction)
    } catch {
      if let pooled { unsafe mdb_txn_abort(pooled.transaction) }
      giveBack(nil)
      throw error
    }
  }

  /// Ends a read; the transaction is kept for the next one.
  func release(_ reader: ReaderHandle) {
    unsafe mdb_txn_reset(reader.transaction)
    giveBack(reader)
  }

  /// Counts one more use of the file; with `reader` also takes a kept transaction when there is one.
  private func take(reader: Bool, isReserved: Bool = true) throws(StoreError) -> ReaderHandle? {
    let taken: Swift.Result<ReaderHandle?, StoreError> = pool.withLock { pool in
      if pool.isClosing { return .failure(.closed) }
      guard isReserved || pool.busyCount < readerCountMax else {
        return .failure(.tooManyReaders(limit: readerCountMax))
      }
      pool.busyCount += 1
      return .success(reader ? pool.idle.popLast() : nil)
    }
    return try taken.get()
  }

  private func giveBack(_ reader: ReaderHandle?) {
    let closing = pool.withLock { pool in
      pool.busyCount -= 1
      if let reader { pool.idle.append(reader) }
      return pool.isClosing
    }
    if closing { pool.update { _ in } }
  }

  /// Refuses new readers, waits for those there are and closes the file. No write transaction may
  /// be open, and none may be begun after. Does nothing the second time.
  func close() {
    let idle: [ReaderHandle]? =
      pool.wait { pool in
        pool.isClosing = true
        guard pool.busyCount == 0 else { return nil }
        defer { pool.idle = [] }
        defer { pool.isClosed = true }
        return pool.isClosed ? .some(nil) : pool.idle
      } ?? nil
    guard let idle else { return }
    for reader in idle { unsafe mdb_txn_abort(reader.transaction) }
    unsafe mdb_env_close(handle)
  }

  deinit { close() }

  // MARK: - The file

  /// Writes a compact copy of the file as it is now into `directory`, which must be empty.
  func copy(to directory: URL) throws(StoreError) {
    _ = try take(reader: false)
    defer { giveBack(nil) }
    try makeDirectory(directory)
    try Self.check(
      unsafe mdb_env_copy2(handle, directory.path, UInt32(MDB_CP_COMPACT)), "the copy of \(name)",
      directory)
  }

  /// The bytes of the file in use.
  func usedByteCount() throws(StoreError) -> Int {
    _ = try take(reader: false)
    defer { giveBack(nil) }
    var info = unsafe MDB_envinfo()
    var statistics = MDB_stat()
    try check(unsafe mdb_env_info(handle, &info))
    try check(unsafe mdb_env_stat(handle, &statistics))
    return unsafe (info.me_last_pgno + 1) * Int(statistics.ms_psize)
  }

  // MARK: - Errors

  /// Throws what `code`, an answer of LMDB, means.
  func check(_ code: Int32) throws(StoreError) {
    guard code != MDB_SUCCESS else { return }
    if code == MDB_MAP_FULL { throw .mapFull(limit: mapByteCountMax) }
    if code == MDB_READERS_FULL { throw .tooManyReaders(limit: readerCountMax) }
    try Self.check(code, name, directory)
  }

  private static func check(_ code: Int32, _ name: String, _ directory: URL) throws(StoreError) {
    switch code {
    case MDB_SUCCESS: return
    case ENOSPC, EDQUOT: throw .diskFull(name)
    // LMDB reports a short write as EIO: a full disk is told apart by asking for its free space.
    case EIO where hasNoSpace(directory): throw .diskFull(name)
    case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_VERSION_MISMATCH:
      throw .corrupted("\(name): \(text(code))")
    case MDB_PANIC: throw .reopenNeeded
    default: throw .inputOutput("\(name): \(text(code))")
    }
  }

  private static func text(_ code: Int32) -> String { unsafe String(cString: mdb_strerror(code)) }

  private static func hasNoSpace(_ directory: URL) -> Bool {
    var status = statvfs()
    guard unsafe statvfs(directory.path, &status) == 0 else { return false }
    return status.f_bavail * status.f_frsize < 1 << 20
  }
}

/// A read transaction of the pool.
///
/// `@unchecked Sendable`: with MDB_NOTLS a read transaction may move between threads; the pool
/// gives it to one at a time.
@safe final class ReaderHandle: @unchecked Sendable {
  let transaction: OpaquePointer
  /// A number that was read before, and the state of the file that it belongs to.
  private var known: (state: Int, number: UInt64)?

  init(transaction: OpaquePointer) { unsafe self.transaction = unsafe transaction }

  /// The value of `key`, in memory that holds until the read ends.
  func get(_ database: UInt32, _ key: UnsafeRawBufferPointer) throws(StoreError)
    -> UnsafeRawBufferPointer?
  {
    try unsafe getValue(transaction, database, key)
  }

  /// What `read` gives; not asked again as long as nothing was committed to the file.
  func remembered(_ read: () throws(StoreError) -> UInt64) throws(StoreError) -> UInt64 {
    let state = unsafe mdb_txn_id(transaction)
    if let known, known.state == state { return known.number }
    let number = try read()
    known = (state, number)
    return number
  }
}

/// The value of `key`, in memory that holds until the transaction ends.
func getValue(
  _ transaction: OpaquePointer, _ database: UInt32, _ key: UnsafeRawBufferPointer
) throws(StoreError) -> UnsafeRawBufferPointer? {
  var keyValue = unsafe MDB_val(
    mv_size: key.count, mv_data: UnsafeMutableRawPointer(mutating: key.baseAddress))
  var value = unsafe MDB_val()
  switch unsafe mdb_get(transaction, database, &keyValue, &value) {
  case MDB_SUCCESS: return unsafe UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
  case MDB_NOTFOUND: return nil
  case MDB_BAD_VALSIZE: return nil
  case let code: throw .corrupted("a row cannot be read (LMDB \(code))")
  }
}

/// The length of a file, `nil` when it cannot be examined.
func fileByteCount(_ file: URL) -> Int? {
  let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
  return (attributes?[.size] as? NSNumber)?.intValue
}

/// Makes `directory`, readable by its owner only, and those above it.
func makeDirectory(_ directory: URL) throws(StoreError) {
  do {
    try FileManager.default.createDirectory(
      at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  } catch {
    throw .inputOutput("the directory \(directory.path) cannot be made")
  }
}

extension ReaderHandle {
  /// A cursor that must be dropped before the read ends.
  func cursor(_ database: UInt32) throws(StoreError) -> Cursor {
    try unsafe Cursor(transaction, database)
  }
}
