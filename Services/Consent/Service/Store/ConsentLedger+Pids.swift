internal import ConsentAPI
package import PrivacyCore
internal import SealedStore
internal import StoredMessages

extension ConsentLedger {
  /// Up to `limit` distinct pids behind `pid` under which anything is kept, ascending, each with the
  /// number of its rows: what counts for the person, the index of receipts, earlier states. The
  /// receipts themselves stand by their positions, and say which pid the person had.
  package func pids(
    after pid: PseudonymousID?, limit: Int
  ) throws -> [(pid: PseudonymousID, rowCount: Int)] {
    try store.read { snapshot in
      // Each table's first ones, whole: whatever is among the first of all is among these.
      var counts = PidCounts(limit: limit)
      try snapshot.scanKeys(
        ConsentTables.people, pid.map { .after($0) } ?? .all, reverse: false, limit: limit
      ) { key in
        counts.add(key)
        return .next
      }
      for table in [KeptByPid.history, .earlierStates] {
        var seen = PidCounts(limit: limit)
        try table.scanKeys(after: pid, in: snapshot) { seen.add($0) ? .next : .stop }
        counts.add(seen)
      }
      return counts.first
    }
  }

  /// How many erasures the vault has still to carry out for people who were renamed since.
  func pendingErasuresOfRenamed() throws -> Int {
    try store.read { snapshot in
      var count = 0
      try snapshot.scan(ConsentTables.erasures) { _, stored in
        if !stored.message.isDone, !stored.message.renamedPid.isEmpty { count += 1 }
        return .next
      }
      return count
    }
  }
}

/// A table whose keys begin with a pid.
private enum KeptByPid {
  case history, earlierStates

  func scanKeys(
    after pid: PseudonymousID?, in snapshot: borrowing ReadSnapshot,
    _ body: (PseudonymousID) -> ScanStep
  ) throws {
    let range: KeyRange<KeyPair<PseudonymousID, UInt64>> =
      pid.map { .after(KeyPair($0, UInt64.max)) } ?? .all
    switch self {
    case .history:
      try snapshot.scanKeys(ConsentTables.history, range, reverse: false, limit: .max) {
        body($0.first)
      }
    case .earlierStates:
      try snapshot.scanKeys(ConsentTables.earlierStates, range, reverse: false, limit: .max) {
        body($0.first)
      }
    }
  }
}

/// The first so many pids, with the number of their rows.
private struct PidCounts {
  let limit: Int
  private var counts: [PseudonymousID: Int] = [:]

  init(limit: Int) { self.limit = limit }

  /// Counts a row. False for one of a pid too many.
  @discardableResult
  mutating func add(_ pid: PseudonymousID) -> Bool {
    guard counts[pid] != nil || counts.count < limit else { return false }
    counts[pid, default: 0] += 1
    return true
  }

  mutating func add(_ other: PidCounts) {
    counts.merge(other.counts) { $0 + $1 }
  }

  var first: [(pid: PseudonymousID, rowCount: Int)] {
    counts.sorted { $0.key < $1.key }.prefix(limit).map { ($0.key, $0.value) }
  }
}
