/// The changes of one group of transactions in the journal's form, and an index of those of the
/// running one, made only when it reads.
///
/// Not Sendable: belongs to the writer thread.
final class PendingChanges {
  private(set) var bytes: [UInt8] = []
  /// Where the running transaction begins.
  private(set) var start = 0
  private var index: Memtable?
  private var indexedByteCount = 0
  private var places = ChangePlaces()

  /// The bytes the running transaction changes so far.
  var transactionByteCount: Int { bytes.count - start }

  /// Lets `body` append changes of the running transaction.
  func append<Result>(
    _ body: (inout [UInt8]) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let result = try body(&bytes)
    guard transactionByteCount <= StoreLimits.transactionByteCountMax else {
      throw .transactionTooLarge(
        byteCount: transactionByteCount, limit: StoreLimits.transactionByteCountMax)
    }
    return result
  }

  /// Calls `body` with the sealed value that the running transaction gives `key`, without one where
  /// it removes it; `nil` where it does not change it. One look at a table of hashes: a transaction
  /// of many rows that reads between its writes pays for each once.
  func withChange<Result>(
    of key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) throws -> Result
  ) throws -> Result? {
    guard bytes.count > start else { return nil }
    return try unsafe bytes.withUnsafeBytes { bytes in
      let own = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
      unsafe places.extend(over: own)
      guard let change = unsafe places.find(key, in: own) else { return nil }
      return try unsafe body(change.value)
    }
  }

  /// The running transaction's changes in key order, the last of each key first.
  func indexed() -> Memtable? {
    guard bytes.count > start else { return nil }
    let table = index ?? Memtable(after: 0)
    index = table
    if start + indexedByteCount < bytes.count {
      let added = bytes[(start + indexedByteCount)...]
      unsafe added.withUnsafeBytes { added in
        // What was encoded in this process decodes.
        try? unsafe ChangeCoding.forEach(in: added) { change throws(StoreError) in
          unsafe table.insert(change.key, value: change.value, sequence: 0)
        }
      }
      indexedByteCount = bytes.count - start
    }
    return table
  }

  /// Ends the running transaction; the next one begins behind its changes.
  func keep() -> Range<Int> {
    defer { begin(at: bytes.count) }
    return start..<bytes.count
  }

  /// Forgets the running transaction's changes.
  func rollBack() {
    bytes.removeLast(bytes.count - start)
    begin(at: start)
  }

  /// Gives the whole group's changes out and begins a new group.
  func take() -> [UInt8] {
    defer { begin(at: 0) }
    var taken: [UInt8] = []
    // The next group will be much like this one; a huge one must not hold its memory for ever.
    taken.reserveCapacity(min(bytes.count, 1 << 20))
    swap(&taken, &bytes)
    return taken
  }

  /// Forgets the whole group.
  func reset() { _ = take() }

  private func begin(at start: Int) {
    self.start = start
    index = nil
    indexedByteCount = 0
    places.removeAll()
  }
}
