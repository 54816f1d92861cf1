internal import Cryptography

/// What a step found in a table.
struct RowsToReseal {
  /// The keys of rows under another key.
  var keys: [[UInt8]] = []
  /// The last key that was looked at; `nil` where there was none.
  var last: [UInt8]?
  /// The table ends there.
  var isEnd = true
}

/// What a step found in the journal.
struct EntriesToReseal {
  /// The positions of entries with values under another key.
  var positions: [UInt64] = []
  /// The last position that was looked at.
  var last: UInt64 = 0
  /// The journal ends there.
  var isEnd = true
}

extension Catalog {
  /// A value as it is sealed under the current key; `nil` where it is already, or is under a person's.
  func resealed(
    _ sealed: UnsafeRawBufferPointer, fullKey: UnsafeRawBufferPointer, table: String
  ) throws(StoreError) -> [UInt8]? {
    guard let id = try? unsafe SealingKey.keyID(of: sealed) else { throw .unreadable(table: table) }
    if id == keys.current.id || id == .subject { return nil }
    guard let key = keys.key(id) else { throw .unknownKey(id) }
    do {
      let value = try unsafe key.open(sealed, associatedData: fullKey)
      var fresh: [UInt8] = []
      fresh.reserveCapacity(sealed.count)
      try unsafe value.withUnsafeBytes { value in
        try unsafe keys.current.seal(value, associatedData: fullKey, into: &fresh)
      }
      return fresh
    } catch {
      throw .unreadable(table: table)
    }
  }
}

extension StoreCore {
  /// Looks for rows behind `key` that are sealed under another key than `target`.
  func rowsToReseal(
    in database: UInt32, after key: [UInt8], target: KeyID, countMax: Int
  ) throws(StoreError) -> RowsToReseal {
    let reader = try tables.acquireReader()
    defer { tables.release(reader) }
    let cursor = try reader.cursor(database)
    var row = unsafe try key.span.withUnsafeBytes { key throws(StoreError) in
      unsafe try cursor.first(from: key)
    }
    if let first = unsafe row, !key.isEmpty, unsafe first.key.elementsEqual(key) {
      unsafe row = unsafe try cursor.next()
    }
    var found = RowsToReseal()
    var (scannedCount, byteCount) = (0, 0)
    while let current = unsafe row {
      let id = unsafe try? SealingKey.keyID(of: current.value)
      found.last = unsafe [UInt8](current.key)
      if id != target, id != .subject {
        unsafe found.keys.append([UInt8](current.key))
        byteCount += unsafe current.value.count
      }
      scannedCount += 1
      if found.keys.count >= countMax || byteCount >= Resealer.batchByteCountMax
        || scannedCount >= Resealer.scannedCountMax
      {
        found.isEnd = false
        return found
      }
      unsafe row = unsafe try cursor.next()
    }
    return found
  }

  /// Seals those of the rows anew that are still there and still under another key.
  func reseal(
    _ keys: [[UInt8]], _ database: UInt32, tableID: UInt16, _ transaction: borrowing WriteHandle
  ) throws(StoreError) -> Int {
    let catalog = catalog
    let cursor = try transaction.cursor(database)
    let prefix = [UInt8(truncatingIfNeeded: tableID >> 8), UInt8(truncatingIfNeeded: tableID)]
    var count = 0
    for key in keys {
      let fullKey = prefix + key
      let fresh = try unsafe key.span.withUnsafeBytes { key throws(StoreError) -> [UInt8]? in
        guard let sealed = unsafe try transaction.get(database, key) else { return nil }
        return try unsafe fullKey.span.withUnsafeBytes { place throws(StoreError) in
          try unsafe catalog.resealed(sealed, fullKey: place, table: catalog.name(of: tableID))
        }
      }
      guard let fresh else { continue }
      try unsafe key.span.withUnsafeBytes { key throws(StoreError) in
        try unsafe fresh.span.withUnsafeBytes { fresh throws(StoreError) in
          try unsafe cursor.put(key, fresh, in: tables)
        }
      }
      count += 1
    }
    return count
  }

  /// Looks for entries of the journal behind `position` with values under another key than `target`.
  func entriesToReseal(
    after position: UInt64, target: KeyID, countMax: Int
  ) throws(StoreError) -> EntriesToReseal {
    let reader = try journal.environment.acquireReader()
    defer { journal.environment.release(reader) }
    let cursor = try reader.cursor(journal.entries)
    var row = unsafe try BigEndianKey(position + 1).withBytes { key throws(StoreError) in
      unsafe try cursor.first(from: key)
    }
    var found = EntriesToReseal()
    found.last = position
    var (scannedCount, byteCount) = (0, 0)
    while let entry = unsafe row {
      let number = unsafe BigEndianKey.number(entry.key)
      var isWanted = false
      try unsafe ChangeCoding.forEach(in: entry.value) { change throws(StoreError) in
        guard let value = unsafe change.value else { return }
        let id = unsafe try? SealingKey.keyID(of: value)
        if id != target, id != .subject { isWanted = true }
      }
      found.last = number
      if isWanted {
        found.positions.append(number)
        byteCount += unsafe entry.value.count
      }
      scannedCount += 1
      if found.positions.count >= countMax || byteCount >= Resealer.batchByteCountMax
        || scannedCount >= Resealer.scannedCountMax
      {
        found.isEnd = false
        return found
      }
      unsafe row = unsafe try cursor.next()
    }
    return found
  }

  /// Seals the values of a journal's entry anew; answers how many. Does nothing where it was cut.
  func reseal(
    entry position: UInt64, _ transaction: borrowing WriteHandle
  ) throws(StoreError) -> Int {
    let catalog = catalog
    return try unsafe BigEndianKey(position).withBytes { key throws(StoreError) in
      guard let entry = unsafe try transaction.get(journal.entries, key) else { return 0 }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(entry.count)
      var count = 0
      try unsafe ChangeCoding.forEach(in: entry) { change throws(StoreError) in
        let fullKey = unsafe [UInt8](change.key)
        guard let value = unsafe change.value else {
          return ChangeCoding.append(removalOf: fullKey, to: &bytes)
        }
        let fresh = try unsafe catalog.resealed(value, fullKey: change.key, table: "journal")
        if fresh != nil { count += 1 }
        ChangeCoding.append(putOf: fullKey, to: &bytes) { bytes in
          if let fresh {
            bytes.append(contentsOf: fresh)
          } else {
            unsafe bytes.append(contentsOf: value)
          }
        }
      }
      try unsafe bytes.span.withUnsafeBytes { bytes throws(StoreError) in
        try unsafe transaction.put(journal.entries, key, bytes)
      }
      return count
    }
  }
}

extension Catalog {
  /// A table's name by its number.
  func name(of tableID: UInt16) -> String { tables.first { $0.id == tableID }?.name ?? "?" }
}
