internal import Cryptography

/// How far the job is, written in the transaction of the rows that it got to. It stands in the tables'
/// file; how far it is in the journal stands in the journal's.
struct ResealMark: Equatable, Sendable {
  /// What the job does, or is to do when the store is opened again.
  enum State: UInt8 {
    case running = 1
    case paused = 2
    case done = 3
  }

  var state: State
  /// The key that everything is sealed under in the end.
  let target: KeyID
  /// The number of the table that it is at: those with a smaller one are done. The largest number there
  /// is, which no table has, stands for the journal.
  var tableID: UInt16 = 0
  /// The last key of that table that it got to.
  var key: [UInt8] = []

  /// The `tableID` of the journal.
  static let journalID = UInt16.max

  init(state: State, target: KeyID) {
    self.state = state
    self.target = target
  }

  init(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    var reader = unsafe KeyReader(bytes)
    guard let state = State(rawValue: try reader.readUInt8()) else {
      throw .corrupted("how far the sealing under a new key is cannot be read")
    }
    self.state = state
    target = KeyID(rawValue: try reader.readUInt32())
    tableID = try reader.readUInt16()
    key = try reader.read(rawByteCount: reader.remainingByteCount)
  }

  var encoded: [UInt8] {
    var writer = KeyWriter()
    writer.append(state.rawValue)
    writer.append(target.rawValue)
    writer.append(tableID)
    writer.append(raw: key)
    return writer.bytes
  }
}

/// How far the job is in the journal: for which key, and through which position.
struct JournalResealMark: Equatable, Sendable {
  let target: KeyID
  var position: UInt64

  init(target: KeyID, position: UInt64) {
    self.target = target
    self.position = position
  }

  init(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    var reader = unsafe KeyReader(bytes)
    target = KeyID(rawValue: try reader.readUInt32())
    position = try reader.readUInt64()
  }

  var encoded: [UInt8] {
    var writer = KeyWriter()
    writer.append(target.rawValue)
    writer.append(position)
    return writer.bytes
  }
}

extension MetaKey {
  static let reseal = Array("reseal".utf8)
}

extension ReaderHandle {
  /// Some bytes that a store keeps of itself, in memory that holds until the read ends.
  func get(_ database: UInt32, _ key: [UInt8]) throws(StoreError) -> UnsafeRawBufferPointer? {
    try unsafe key.span.withUnsafeBytes { key throws(StoreError) in unsafe try get(database, key) }
  }
}

extension StoreCore {
  /// How far the job is; `nil` where there was none.
  func resealMark() throws(StoreError) -> ResealMark? {
    let reader = try tables.acquireReader()
    defer { tables.release(reader) }
    guard let bytes = unsafe try reader.get(meta, MetaKey.reseal) else { return nil }
    return try unsafe ResealMark(bytes)
  }

  /// Changes what the job is to do, on disk, and keeps how far it is.
  func writeResealMark(_ mark: ResealMark) throws(StoreError) {
    let transaction = try tables.beginWrite()
    try transaction.put(meta, MetaKey.reseal, mark.encoded)
    try transaction.commit()
  }

  /// How far the job for `target` is in the journal.
  func journalResealMark(target: KeyID) throws(StoreError) -> JournalResealMark {
    let environment = journal.environment
    let reader = try environment.acquireReader()
    defer { environment.release(reader) }
    if let bytes = unsafe try reader.get(journal.meta, MetaKey.reseal) {
      let mark = try unsafe JournalResealMark(bytes)
      if mark.target == target { return mark }
    }
    return JournalResealMark(target: target, position: 0)
  }
}
