public import Cryptography

/// What a table keeps of one person, opened and sealed for the place where it is to stand next: made
/// from a snapshot, so that the writer thread has nothing to seal.
///
/// Only for rows under the person's key. The store's own keys can be replaced between the sealing and
/// the transaction, and a value that is sealed late must be under the current one.
public struct MovedRows: Sendable {
  let tableID: UInt16
  let former: [UInt8]
  let next: [UInt8]
  /// The keys and sealed values as they stood, one behind the other.
  let before: [UInt8]
  /// The removals and puts, in the journal's form.
  let changes: [UInt8]
  /// How many rows there are.
  public let count: Int
}

/// Whether rows can be moved as they were made ready.
public enum MoveReadiness: Sendable {
  /// They stand as they stood, and nothing is where they go.
  case ready
  /// One of them was changed, removed or added since.
  case changed
  /// Something stands already where they are to go.
  case occupied
}

extension ReadSnapshot {
  /// The rows whose keys begin with `former`, made ready to stand under `next` instead; the rest of
  /// each key stays. Opens and seals each of them, about 3 µs for a small one.
  ///
  /// - Throws: `subjectKeyNeeded` where `subjectKey` is missing and there is a row; `unreadable` where it
  ///   is not the key of a row, or a row is not under a person's key.
  public func movedRows<Key, Value, Prefix: StoreKey>(
    _ table: StoreTable<Key, Value>, from former: Prefix, to next: Prefix,
    under subjectKey: SealingKey?
  ) throws -> MovedRows {
    let formerBytes = Self.bytes(of: former, in: table.id)
    let nextBytes = Self.bytes(of: next, in: table.id)
    var (before, changes, count): ([UInt8], [UInt8], Int) = ([], [], 0)
    var (fullKey, newKey): ([UInt8], [UInt8]) = ([], [])
    try unsafe view.walk(table, .prefix(former), reverse: false, limit: .max) { key, sealed in
      guard (try? unsafe SealingKey.keyID(of: sealed)) == .subject else {
        throw StoreError.unreadable(table: table.name)
      }
      unsafe before.append(contentsOf: key)
      unsafe before.append(contentsOf: sealed)
      fullKey.removeAll(keepingCapacity: true)
      fullKey.append(contentsOf: formerBytes.prefix(2))
      unsafe fullKey.append(contentsOf: key)
      newKey.removeAll(keepingCapacity: true)
      newKey.append(contentsOf: nextBytes)
      newKey.append(contentsOf: fullKey.dropFirst(formerBytes.count))
      let value = try unsafe fullKey.withUnsafeBytes { place in
        try unsafe view.catalog.open(sealed, fullKey: place, table: table.name) {
          guard let subjectKey else { throw StoreError.subjectKeyNeeded(table: table.name) }
          return subjectKey
        }
      }
      guard let value else { throw StoreError.unreadable(table: table.name) }
      ChangeCoding.append(removalOf: fullKey, to: &changes)
      let sealedFor = newKey
      try ChangeCoding.append(putOf: sealedFor, to: &changes) { encoded throws(StoreError) in
        try view.catalog.seal(value, fullKey: sealedFor, under: subjectKey, into: &encoded)
      }
      count += 1
      return .next
    }
    return MovedRows(
      tableID: table.id, former: formerBytes, next: nextBytes, before: before, changes: changes,
      count: count)
  }

  private static func bytes(of prefix: some StoreKey, in tableID: UInt16) -> [UInt8] {
    var writer = KeyWriter(byteCapacity: 48)
    writer.append(tableID)
    prefix.encode(into: &writer)
    return writer.bytes
  }
}

extension WriteTransaction {
  /// Whether `rows` can be moved. To be asked for everything that a transaction moves before it
  /// changes anything: a walk through a transaction's own changes costs an index of them.
  public func readiness<Key, Value, Prefix: StoreKey>(
    of rows: MovedRows, _ table: StoreTable<Key, Value>, from former: Prefix, to next: Prefix
  ) throws -> MoveReadiness {
    var (offset, isSame) = (0, true)
    try unsafe view.walk(table, .prefix(former), reverse: false, limit: .max) { key, sealed in
      let end = offset + key.count + sealed.count
      guard end <= rows.before.count else {
        isSame = false
        return .stop
      }
      isSame = unsafe rows.before.withUnsafeBytes { before in
        unsafe before[offset..<(offset + key.count)].elementsEqual(key)
          && before[(offset + key.count)..<end].elementsEqual(sealed)
      }
      offset = end
      return isSame ? .next : .stop
    }
    guard isSame, offset == rows.before.count else { return .changed }
    var isFree = true
    try unsafe view.walk(table, .prefix(next), reverse: false, limit: 1) { _, _ in
      isFree = false
      return .stop
    }
    return isFree ? .ready : .occupied
  }

  /// Moves `rows`, which were found ready in this transaction.
  ///
  /// - Throws: `transactionTooLarge`.
  public mutating func move(_ rows: MovedRows) throws {
    guard rows.count > 0 else { return }
    _ = try view.catalog.database(id: rows.tableID)
    try append(encoded: rows.changes)
  }
}
