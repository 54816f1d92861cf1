public import Cryptography
public import PrivacyCore

/// The changes of one transaction, as the journal keeps them.
public struct JournalEntry: Sendable {
  /// The transaction's position.
  public let sequence: LogSequenceNumber
  /// Its changes in the order in which they were made.
  public let changes: [JournalChange]
}

/// One changed row.
public struct JournalChange: Sendable {
  /// The number of the row's table.
  public let tableID: UInt16
  /// What happened to the row.
  public let content: Content
  private let fullKey: [UInt8]

  /// What happened to a row.
  public enum Content: Equatable, Sendable {
    /// It was added or replaced; the value's encoding.
    case put([UInt8])
    /// It was added or replaced under a person's key, which opens these bytes.
    case sealed([UInt8])
    /// It was removed.
    case removed
  }

  init(fullKey: [UInt8], content: Content) {
    tableID = UInt16(fullKey[0]) << 8 | UInt16(fullKey[1])
    self.fullKey = fullKey
    self.content = content
  }

  /// The row's key when the row is one of `table`, otherwise `nil`.
  public func key<Key, Value>(in table: StoreTable<Key, Value>) throws(StoreError) -> Key? {
    guard table.id == tableID else { return nil }
    return try unsafe fullKey.span.withUnsafeBytes { bytes throws(StoreError) in
      try unsafe KeyReader.decode(
        Key.self, from: UnsafeRawBufferPointer(rebasing: bytes.dropFirst(2)))
    }
  }

  /// The row's new value when the row is one of `table`; `nil` when it was removed.
  ///
  /// - Parameter under: the person's key, for a row that was written under one.
  public func value<Key, Value>(
    in table: StoreTable<Key, Value>, under subjectKey: SealingKey? = nil
  ) throws -> Value? {
    guard table.id == tableID else { return nil }
    switch content {
    case .put(let bytes): return try Value(storedValue: bytes)
    case .removed: return nil
    case .sealed(let bytes):
      guard let subjectKey else { throw StoreError.subjectKeyNeeded(table: table.name) }
      guard let opened = try? subjectKey.open(bytes, associatedData: fullKey) else {
        throw StoreError.unreadable(table: table.name)
      }
      return try Value(storedValue: opened)
    }
  }
}

extension SealedStore {
  /// The journal's entries behind `sequence`, oldest first, at most `limit`; acknowledged ones
  /// only.
  ///
  /// - Throws: `journalCut` when the journal no longer reaches back that far.
  public func journalEntries(
    after sequence: LogSequenceNumber, limit: Int
  ) throws(StoreError) -> [JournalEntry] {
    let published = lastSequence.value
    let core = try core
    let environment = core.journal.environment
    let reader = try environment.acquireReader()
    defer { environment.release(reader) }
    guard limit > 0, sequence.value < published else { return [] }
    if let first = try core.journal.bounds(reader)?.lowerBound, first > sequence.value + 1 {
      throw .journalCut(first: LogSequenceNumber(first))
    }
    var entries: [JournalEntry] = []
    try unsafe core.journal.forEach(after: sequence.value, reader) {
      position, bytes throws(StoreError) in
      guard position <= published else { return false }
      var changes: [JournalChange] = []
      try unsafe ChangeCoding.forEach(in: bytes) { change throws(StoreError) in
        changes.append(try unsafe core.catalog.decoded(change))
      }
      entries.append(JournalEntry(sequence: LogSequenceNumber(position), changes: changes))
      return entries.count < limit
    }
    return entries
  }
}

extension Catalog {
  fileprivate func decoded(_ change: EncodedChange) throws(StoreError) -> JournalChange {
    let fullKey = unsafe [UInt8](change.key)
    guard let sealed = unsafe change.value else {
      return JournalChange(fullKey: fullKey, content: .removed)
    }
    let opened: [UInt8]?
    do {
      opened = try unsafe open(sealed, fullKey: change.key, table: "journal") { nil }
    } catch {
      throw (error as? StoreError) ?? .unreadable(table: "journal")
    }
    return unsafe JournalChange(
      fullKey: fullKey, content: opened.map { .put($0) } ?? .sealed([UInt8](sealed)))
  }
}
