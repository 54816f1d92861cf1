package import PrivacyCore
package import SealedStore

/// A store's part in a rotation: what it tells of its places and its job.
package struct StoreRekeying: RekeyPart {
  /// Up to so many distinct pids behind one, ascending, each with the number of its rows.
  package typealias Walk =
    @Sendable (_ after: PseudonymousID?, _ limit: Int) throws -> [(
      pid: PseudonymousID, rowCount: Int
    )]

  private let book: PlaceBook
  private let job: RekeyJob
  private let withhold: @Sendable (UInt32) -> Void
  private let walk: Walk

  /// - Parameters:
  ///   - withhold: has the gate withhold everything under the former pids of a rotation, and of those
  ///     before it.
  ///   - walk: over everything that the store keeps by person.
  package init(
    book: PlaceBook, job: RekeyJob, withhold: @escaping @Sendable (UInt32) -> Void,
    walk: @escaping Walk
  ) {
    self.book = book
    self.job = job
    self.withhold = withhold
    self.walk = walk
  }

  package func progress(of rotation: UInt32) throws -> RekeyProgress {
    var progress = try book.store.read { try book.progress(of: rotation, in: $0) }
    progress.rowsPerSecond = job.rowsPerSecond
    return progress
  }

  package func pids(
    after pid: PseudonymousID?, limit: Int
  ) throws -> [(pid: PseudonymousID, rowCount: Int)] { try walk(pid, limit) }

  /// The gate withholds first: otherwise a read under a former pid would be told that nothing is there.
  /// What is left to be moved for the rotation, in a store that was restored from before it, is moved
  /// next; then the job forgets the names.
  package func retire(_ rotation: UInt32) async throws {
    withhold(rotation)
    try await book.noteRetired(rotation)
    try await job.sweep()
    job.wake()
  }
}

extension StoreReading where Self: ~Copyable {
  /// The distinct people of a table whose keys begin with a pid, behind `pid`: up to `limit`, ascending,
  /// with the number of their rows. A walk over the rows of all of them.
  package func people<Key, Value>(
    of table: StoreTable<Key, Value>, after pid: PseudonymousID?, limit: Int,
    pidOf: (Key) -> PseudonymousID
  ) throws -> [(pid: PseudonymousID, rowCount: Int)] {
    var people: [(pid: PseudonymousID, rowCount: Int)] = []
    guard let first = pid.map({ $0.next }) ?? PseudonymousID(words: (0, 0, 0, 0)) else {
      return people
    }
    try scanKeys(table, .from(first), reverse: false, limit: .max) { key in
      let pid = pidOf(key)
      if let last = people.last, last.pid == pid {
        people[people.count - 1].rowCount += 1
        return .next
      }
      guard people.count < limit else { return .stop }
      people.append((pid, 1))
      return .next
    }
    return people
  }
}

extension PseudonymousID {
  /// The next one in order; `nil` behind the last.
  fileprivate var next: PseudonymousID? {
    var bytes = bytes
    for index in bytes.indices.reversed() {
      bytes[index] &+= 1
      if bytes[index] != 0 { return PseudonymousID(bytes: bytes) }
    }
    return nil
  }
}

/// Several walks over the same pids as one.
package enum PersonWalks {
  /// - Parameter walks: each the answer for one table, of up to `limit` people.
  package static func merged(
    _ walks: [[(pid: PseudonymousID, rowCount: Int)]], limit: Int
  ) -> [(pid: PseudonymousID, rowCount: Int)] {
    var counts: [PseudonymousID: Int] = [:]
    for (pid, rowCount) in walks.joined() { counts[pid, default: 0] += rowCount }
    // Behind the last one of a walk that was cut off, nothing is known of its table.
    let end = walks.filter { $0.count >= limit }.compactMap(\.last?.pid).min()
    return counts.filter { pid, _ in end.map { pid <= $0 } ?? true }
      .sorted { $0.key < $1.key }.prefix(limit).map { (pid: $0.key, rowCount: $0.value) }
  }
}
