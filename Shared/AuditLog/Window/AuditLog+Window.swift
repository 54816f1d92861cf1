internal import AuditAPI
public import PrivacyCore
internal import SealedStore
internal import TransparencyLog

extension AuditLog {
  /// How many entries are looked at in one snapshot.
  private static let windowChunkCount: UInt64 = 1_000

  /// What the log says of the time from `from` to before `to`, by the times of the entries and, for
  /// reads, of the reads themselves: their batch may have been logged later. Looks at every leaf, and
  /// opens what may lie in the window; about 3 µs an entry.
  ///
  /// - Throws: `windowTooLarge` where it touches too many people to be counted.
  public func window(from: Timestamp, to: Timestamp) throws -> AuditWindow {
    var walk = WindowWalk(from: from, to: to)
    let size = try count()
    var next: UInt64 = 0
    while next < size {
      let end = min(size, next + Self.windowChunkCount)
      try store.read { snapshot in
        try snapshot.scan(AuditTables.leaves, .from(next, below: end)) { index, row in
          try walk.take(LogLeaf(encoded: row.leaf), at: index, snapshot)
          return .next
        }
      }
      next = end
    }
    return walk.finished()
  }
}

private struct WindowWalk {
  private struct LineKey: Hashable {
    let principal: String
    let action: String
    let purpose: String
    let isRead: Bool
  }

  let from: Timestamp
  let to: Timestamp
  private var window = AuditWindow()
  private var lines: [LineKey: AuditWindow.Line] = [:]
  private var pairCount = 0

  init(from: Timestamp, to: Timestamp) {
    self.from = from
    self.to = to
  }

  mutating func take(
    _ leaf: LogLeaf, at index: UInt64, _ snapshot: borrowing ReadSnapshot
  ) throws {
    switch leaf.content {
    case .gap(let first, let last, let reason):
      if last >= from.seconds, first <= to.seconds {
        window.gaps.append(
          AuditWindow.Gap(
            from: Timestamp(seconds: first), to: Timestamp(seconds: last), reason: reason))
      }
    case .reads(let count, _):
      // A batch is logged after its reads.
      if leaf.seconds >= from.seconds { try takeReads(count, at: index, snapshot) }
    case .entry, .batch:
      if (from.seconds...to.seconds).contains(leaf.seconds) {
        try takeEntry(leaf, at: index, snapshot)
      }
    }
  }

  private mutating func takeEntry(
    _ leaf: LogLeaf, at index: UInt64, _ snapshot: borrowing ReadSnapshot
  ) throws {
    guard let record = try open(index, snapshot) else {
      // Of a closed entry the leaf's second is all that is known.
      guard leaf.seconds < to.seconds else { return }
      window.closedCount += 1
      return touch(index)
    }
    let at = Timestamp(microseconds: record.atUs)
    guard at >= from, at < to else { return }
    touch(index)
    try add(record, at: at, isRead: false)
  }

  /// The entry's content; `nil` where it is forgotten or under a person's key.
  private func open(
    _ index: UInt64, _ snapshot: borrowing ReadSnapshot
  ) throws -> AuditRecord? {
    do {
      return try snapshot.get(AuditTables.entries, index).map {
        try AuditRecord(packed: $0.content)
      }
    } catch StoreError.subjectKeyNeeded {
      return nil
    }
  }

  private mutating func takeReads(
    _ count: UInt64, at index: UInt64, _ snapshot: borrowing ReadSnapshot
  ) throws {
    guard let bounds = try readBounds(index, snapshot), bounds.from < to, bounds.to >= from else {
      return
    }
    var (keptCount, inWindowCount): (UInt64, UInt64) = (0, 0)
    for row in try snapshot.rows(AuditTables.reads, .prefix(index)) {
      keptCount += 1
      let record = try AuditRecord(packed: row.value.content)
      let at = Timestamp(microseconds: record.atUs)
      guard at >= from, at < to else { continue }
      inWindowCount += 1
      try add(record, at: at, isRead: true)
    }
    // When the forgotten ones were read within the batch's time is forgotten with them.
    let closedCount = count - min(count, keptCount)
    guard inWindowCount + closedCount > 0 else { return }
    window.closedCount += closedCount
    window.readCount += inWindowCount + closedCount
    window.readBatchCount += 1
    touch(index)
  }

  /// When the first and the last read of a batch were.
  private func readBounds(
    _ index: UInt64, _ snapshot: borrowing ReadSnapshot
  ) throws -> (from: Timestamp, to: Timestamp)? {
    guard let record = try open(index, snapshot) else { return nil }
    let details = Dictionary(
      record.details.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    guard let first = details["from"].flatMap({ Timestamp(rfc3339: $0) }),
      let last = details["to"].flatMap({ Timestamp(rfc3339: $0) })
    else { return nil }
    return (first, last)
  }

  private mutating func add(_ record: AuditRecord, at: Timestamp, isRead: Bool) throws {
    let key = LineKey(
      principal: record.principal, action: record.action, purpose: record.purpose, isRead: isRead)
    var line =
      lines.removeValue(forKey: key)
      ?? AuditWindow.Line(
        principal: key.principal, action: key.action, purpose: key.purpose, isRead: isRead,
        first: at, last: at)
    line.count += 1
    line.first = min(line.first, at)
    line.last = max(line.last, at)
    for bytes in record.pids {
      guard let pid = PseudonymousID(bytes: bytes) else { continue }
      window.pids.insert(pid)
      if line.pids.insert(pid).inserted { pairCount += 1 }
    }
    lines[key] = line
    guard pairCount <= AuditWindow.pairCountMax else {
      throw AuditLogError.windowTooLarge(pairCountMax: AuditWindow.pairCountMax)
    }
  }

  private mutating func touch(_ index: UInt64) {
    let number = AuditLog.number(at: index)
    if window.firstNumber == 0 { window.firstNumber = number }
    window.lastNumber = number
  }

  func finished() -> AuditWindow {
    var window = window
    window.lines = lines.values.sorted {
      ($1.count, $0.principal, $0.action, $0.purpose)
        < ($0.count, $1.principal, $1.action, $1.purpose)
    }
    return window
  }
}
