/// The journal's file: one row for each transaction, its key the position, big-endian.
struct Journal: Sendable {
  let environment: Environment
  let entries: UInt32
  let meta: UInt32

  /// A transaction's place in the bytes of its group.
  struct Entry {
    let sequence: UInt64
    let range: Range<Int>
  }

  /// Makes a group of entries durable in one commit, and cuts up to `cutCount` entries at or
  /// before `cutThrough` from the front.
  func append(
    _ group: [Entry], in bytes: [UInt8], cutThrough: UInt64, cutCount: Int
  ) throws(StoreError) {
    let transaction = try environment.beginWrite()
    for entry in group {
      let key = BigEndianKey(entry.sequence)
      try unsafe key.withBytes { key throws(StoreError) in
        try unsafe bytes.span.withUnsafeBytes { bytes throws(StoreError) in
          try unsafe transaction.put(
            entries, key, UnsafeRawBufferPointer(rebasing: bytes[entry.range]), appending: true)
        }
      }
    }
    try cut(transaction, through: cutThrough, count: cutCount)
    try transaction.commit()
  }

  /// Cuts at most `count` entries at or before `through` from the front; answers how many.
  @discardableResult
  func cut(
    _ transaction: borrowing WriteHandle, through: UInt64, count: Int
  ) throws(StoreError) -> Int {
    let cursor = try transaction.cursor(entries)
    guard through > 0 else { return 0 }
    var row = unsafe try cursor.first()
    for number in 0..<count {
      guard let entry = unsafe row, unsafe BigEndianKey.number(entry.key) <= through else {
        return number
      }
      try cursor.deleteCurrent()
      // After a removal the next row is the one that took the removed one's place.
      unsafe row = unsafe try cursor.next()
    }
    return count
  }

  /// The first and the last position, `nil` when the journal is empty.
  func bounds(_ reader: ReaderHandle) throws(StoreError) -> ClosedRange<UInt64>? {
    let cursor = try reader.cursor(entries)
    guard let first = unsafe try cursor.first(), let last = unsafe try cursor.last() else {
      return nil
    }
    return unsafe BigEndianKey.number(first.key)...BigEndianKey.number(last.key)
  }

  /// Calls `body` with the entries behind `sequence` in order, until it answers `false`. Throws
  /// `corrupted` when one is missing.
  func forEach(
    after sequence: UInt64, _ reader: ReaderHandle,
    _ body: (UInt64, UnsafeRawBufferPointer) throws(StoreError) -> Bool
  ) throws(StoreError) {
    let cursor = try reader.cursor(entries)
    var expected = sequence + 1
    let start = BigEndianKey(expected)
    var row = unsafe try start.withBytes { key throws(StoreError) in
      unsafe try cursor.first(from: key)
    }
    while let entry = unsafe row {
      let found = unsafe BigEndianKey.number(entry.key)
      guard found == expected else {
        throw .corrupted("journal entry \(expected) is missing, the next one is \(found)")
      }
      guard unsafe try body(found, entry.value) else { return }
      expected += 1
      unsafe row = unsafe try cursor.next()
    }
  }
}

/// A position as the journal's key.
struct BigEndianKey {
  private let bytes: UInt64

  init(_ number: UInt64) { bytes = number.bigEndian }

  func withBytes<Result, Failure>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe withUnsafeBytes(of: bytes) { bytes throws(Failure) in try unsafe body(bytes) }
  }

  /// The number of 8 bytes; 0 for any other length.
  static func number(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    guard bytes.count == 8 else { return 0 }
    return unsafe UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
  }
}
