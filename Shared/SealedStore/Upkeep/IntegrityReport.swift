public import Cryptography
internal import Foundation

/// What `verify()` found.
public struct IntegrityReport: Sendable {
  /// One table's rows.
  public struct Table: Sendable {
    /// The table's name.
    public let name: String
    /// All rows.
    public var rowCount = 0
    /// The rows that are sealed with a person's key: those were not opened.
    public var subjectRowCount = 0
    /// The bytes of keys and sealed values.
    public var byteCount = 0
    /// How many rows each of the store's keys sealed.
    public var rowCountByKey: [KeyID: Int] = [:]
  }

  /// The tables in the order in which the store was opened with them.
  public var tables: [Table] = []
  /// The oldest and the newest position in the journal; `nil` when it is empty.
  public var journal: ClosedRange<UInt64>?
  /// What is wrong, in words; the first 100 findings.
  public var problems: [String] = []
  /// How many findings there were.
  public var problemCount = 0

  /// Whether nothing is wrong.
  public var isWhole: Bool { problemCount == 0 }

  mutating func add(_ problem: String) {
    problemCount += 1
    if problems.count < 100 { problems.append(problem) }
  }
}

extension SealedStore {
  /// Walks all rows of the tables and of the journal: each value must open, the keys must be in
  /// order, the journal must have no gap. Reads everything once; writes go on meanwhile.
  ///
  /// Waits until the tables hold every change acknowledged before the call, so that the report
  /// counts its rows; where they do not get there, that is one of the problems.
  public func verify() throws(StoreError) -> IntegrityReport {
    let core = try core
    var report = IntegrityReport()
    if let problem = waitForTables(core) { report.add(problem) }
    let reader = try core.tables.acquireReader()
    defer { core.tables.release(reader) }
    for table in core.catalog.tables {
      try core.catalog.verify(table, reader, &report)
    }
    try verifyJournal(core, &report)
    return report
  }

  /// How long the tables may take, in seconds: many times as long as for all that memory holds.
  private static let applySecondsMax = 30.0

  /// Waits until the tables hold what is acknowledged now. Answers why they do not.
  func waitForTables(_ core: StoreCore) -> String? {
    let wanted = core.overlay.withLock { $0.published }
    core.queue.update { $0.isApplyWanted = true }
    let outcome: String?? = core.overlay.wait(seconds: Self.applySecondsMax) { overlay in
      if overlay.applied >= wanted || overlay.threadCount == 0 { return .some(nil) }
      return overlay.applyFailure.map { .some("the tables lag behind the journal: \($0)") }
    }
    return outcome ?? "the tables lag behind the journal for \(Int(Self.applySecondsMax)) s already"
  }

  private func verifyJournal(
    _ core: StoreCore, _ report: inout IntegrityReport
  ) throws(StoreError) {
    let environment = core.journal.environment
    let reader = try environment.acquireReader()
    defer { environment.release(reader) }
    guard let bounds = try core.journal.bounds(reader) else { return }
    report.journal = bounds
    do throws(StoreError) {
      try unsafe core.journal.forEach(after: bounds.lowerBound - 1, reader) {
        position, entry throws(StoreError) in
        try unsafe ChangeCoding.forEach(in: entry) { change throws(StoreError) in
          guard let sealed = unsafe change.value else { return }
          if unsafe !core.catalog.opens(sealed, fullKey: change.key) {
            report.add("journal: a value of entry \(position) does not open")
          }
        }
        return true
      }
    } catch {
      report.add(error.description)
    }
  }
}

extension Catalog {
  fileprivate func verify(
    _ table: any StoreTableDescribing, _ reader: ReaderHandle, _ report: inout IntegrityReport
  ) throws(StoreError) {
    var found = IntegrityReport.Table(name: table.name)
    let cursor = try reader.cursor(database(id: table.id))
    var prefix = KeyWriter()
    prefix.append(table.id)
    var fullKey = prefix.bytes
    var row = try unsafe cursor.first()
    while let current = unsafe row {
      let key = unsafe prefix.bytes + current.key
      if found.rowCount > 0, !fullKey.lexicographicallyPrecedes(key) {
        report.add("\(table.name): row \(found.rowCount) is out of order")
      }
      fullKey = key
      let value = unsafe current.value
      let id = unsafe try? SealingKey.keyID(of: value)
      if id == .subject {
        found.subjectRowCount += 1
      } else if let id {
        found.rowCountByKey[id, default: 0] += 1
      }
      let opens = unsafe key.withUnsafeBytes { key -> Bool in
        unsafe self.opens(value, fullKey: key)
      }
      if !opens { report.add("\(table.name): row \(found.rowCount) does not open") }
      found.rowCount += 1
      found.byteCount += unsafe current.key.count + value.count
      unsafe row = try unsafe cursor.next()
    }
    report.tables.append(found)
  }

  /// Whether a value opens; one sealed with a person's key passes.
  fileprivate func opens(
    _ sealed: UnsafeRawBufferPointer, fullKey: UnsafeRawBufferPointer
  ) -> Bool {
    do {
      _ = try unsafe open(sealed, fullKey: fullKey, table: "") { nil }
      return true
    } catch {
      return false
    }
  }
}
