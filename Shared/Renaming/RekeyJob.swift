internal import Cryptography
package import Logging
package import PrivacyCore
internal import SealedStore
internal import Synchronization

/// Moves the rows of renamed people to their new pids, in the background.
///
/// Each person is moved in one transaction, whole: with more rows than `RekeyPace.rowsPerTransaction`
/// it is a larger one, up to the 64 MiB that a transaction may have. What is left to be done stands in
/// the store, in the same transactions, so that the job goes on where it was after any crash. Rows are
/// opened and sealed on a thread of the job's own, from a snapshot; the transaction looks whether they
/// still are as they were, and who was changed meanwhile comes again.
package final class RekeyJob: Sendable {
  private let book: PlaceBook
  private let mover: any RekeyMover
  private let pace: RekeyPace
  private let time: any TimeSource
  private let log: Logger
  private let signals: AsyncStream<Void>
  private let wakeUp: AsyncStream<Void>.Continuation
  private let rate = Mutex(MoveRate())

  /// People whose rows cannot be moved now are tried again after so long.
  private static let retryMs = 5_000

  /// - Parameter mover: what the store does to move somebody.
  package init(
    book: PlaceBook, mover: any RekeyMover, pace: RekeyPace = RekeyPace(), time: any TimeSource,
    log: Logger
  ) {
    self.book = book
    self.mover = mover
    self.pace = pace
    self.time = time
    self.log = log
    (signals, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    wakeUp.yield()
  }

  /// There may be something to do.
  package func wake() { wakeUp.yield() }

  /// Rows a second, over the last seconds in which any were moved.
  package var rowsPerSecond: Double { rate.withLock { $0.rowsPerSecond } }

  /// Moves whoever is to be moved, until the task is cancelled.
  package func run() async throws {
    var isTroubleLogged = false
    for await _ in signals {
      while true {
        do {
          let left = try await moveAll()
          try await sweep()
          if left.isEmpty {
            isTroubleLogged = false
            break
          }
          report(left, isKnown: isTroubleLogged)
        } catch {
          try Task.checkCancellation()
          log.log(
            level: isTroubleLogged ? .debug : .warning, "rows could not be moved to new pids",
            metadata: ["reason": "\(error)"])
        }
        isTroubleLogged = true
        try await time.sleep(milliseconds: Self.retryMs)
      }
    }
    try Task.checkCancellation()
  }

  private func report(_ left: MovesLeft, isKnown: Bool) {
    log.log(
      level: isKnown ? .debug : .warning, "rows of some people cannot be moved to their new pids",
      metadata: [
        "without_key": "\(left.keyless)", "unreadable": "\(left.unreadable)",
        "changing": "\(left.changing)",
      ])
  }

  /// Moves everybody once who is to be moved.
  ///
  /// - Returns: how many could not be.
  package func moveAll() async throws -> MovesLeft {
    var left = MovesLeft()
    guard try !book.moves(after: nil, limit: 1).isEmpty else { return left }
    // A store in memory is one of a simulation, whose time stands still while a thread works.
    let backstage = book.store.isInMemory ? nil : Backstage(name: "moving to new pids")
    defer { backstage?.close() }
    var last: PseudonymousID?
    while true {
      try Task.checkCancellation()
      let began = time.monotonicMicroseconds
      let batch = try await prepare(after: last, backstage, &left)
      guard let end = batch.last else { return left }
      last = end
      let rowCount = try await move(batch, &left)
      let now = time.monotonicMicroseconds
      rate.withLock { $0.add(rowCount, from: began, until: now) }
      // What was slower than the pace is not made up for.
      let wait = began + Int64(rowCount) * 1_000_000 / Int64(pace.rowsPerSecondMax) - now
      if wait > 0 { try await time.sleep(microseconds: wait) } else { await Task.yield() }
    }
  }

  /// Forgets the names of rotations that are over, where nothing is left to be moved for them.
  func sweep() async throws { try await book.sweep { mover.forget($0) } }

  // MARK: - One batch

  private struct Batch: Sendable {
    var moves: [(move: PlannedMove, key: SealingKey?, rows: [MovedRows])] = []
    /// Where to go on; `nil` where there was nobody.
    var last: PseudonymousID?
  }

  private enum Found: Sendable {
    case rows([MovedRows])
    case keyless
    case unreadable
  }

  /// Opens and seals the rows of the next people.
  private func prepare(
    after last: PseudonymousID?, _ backstage: Backstage?, _ left: inout MovesLeft
  ) async throws -> Batch {
    let planned = try book.moves(after: last, limit: pace.peoplePerTransaction)
    guard !planned.isEmpty else { return Batch() }
    let keys = try await keys(of: planned)
    let work: @Sendable () throws -> [Found] = { [self] in try look(planned, keys) }
    let found = if let backstage { try await backstage.run(work) } else { try work() }
    // Those for whom there was no room are looked at next time.
    var batch = Batch(last: planned.prefix(found.count).last?.from)
    for (move, found) in zip(planned, found) {
      switch found {
      case .rows(let rows): batch.moves.append((move, keys[move.from], rows))
      case .keyless: left.keyless += 1
      case .unreadable: left.unreadable += 1
      }
    }
    return batch
  }

  /// The keys by the place that rows stand under. They are asked for by the new name, by which they
  /// will be asked for from now on; the former one helps where the vault does not know that yet.
  private func keys(of planned: [PlannedMove]) async throws -> [PseudonymousID: SealingKey] {
    let byTarget = try await mover.subjectKeys(of: planned.map(\.to))
    let missing = planned.filter { byTarget[$0.to] == nil }.map(\.from)
    var keys = missing.isEmpty ? [:] : try await mover.subjectKeys(of: missing)
    for move in planned { if let key = byTarget[move.to] { keys[move.from] = key } }
    return keys
  }

  private func look(
    _ planned: [PlannedMove], _ keys: [PseudonymousID: SealingKey]
  ) throws -> [Found] {
    try book.store.read { snapshot in
      var found: [Found] = []
      var rowCount = 0
      for move in planned where rowCount < pace.rowsPerTransaction {
        do {
          let rows = try mover.prepare(move, under: keys[move.from], in: snapshot)
          rowCount += rows.reduce(1) { $0 + $1.count }
          found.append(.rows(rows))
        } catch StoreError.subjectKeyNeeded {
          found.append(.keyless)
        } catch StoreError.unreadable {
          found.append(.unreadable)
        }
      }
      return found
    }
  }

  private func move(_ batch: Batch, _ left: inout MovesLeft) async throws -> Int {
    guard !batch.moves.isEmpty else { return 0 }
    let (book, mover, moves) = (book, mover, batch.moves)
    let committed = try await book.store.write { transaction in
      var outcome = Outcome()
      var ready: [(move: PlannedMove, rows: [MovedRows])] = []
      var occupied: [(move: PlannedMove, key: SealingKey?)] = []
      // All is looked at before anything is changed: see `WriteTransaction.readiness`.
      for (move, key, rows) in moves {
        guard try book.isPlanned(move, in: transaction) else {
          outcome.changedCount += 1
          continue
        }
        switch try mover.readiness(of: rows, for: move, in: transaction) {
        case .ready: ready.append((move, rows))
        case .occupied: occupied.append((move, key))
        case .changed: outcome.changedCount += 1
        }
      }
      for (move, rows) in ready {
        var rowCount = try mover.moveOthers(move, in: &transaction)
        for part in rows {
          try transaction.move(part)
          rowCount += part.count
        }
        outcome.finished.append((move, rowCount))
      }
      for (move, key) in occupied {
        guard let key else { continue }
        let rowCount = try mover.merge(move, under: key, in: &transaction)
        outcome.finished.append((move, rowCount))
      }
      try book.finish(outcome.finished, in: &transaction)
      return outcome
    }
    mover.didMove(committed.value.finished.map(\.move), at: committed.sequence)
    left.changing += committed.value.changedCount
    return committed.value.finished.reduce(0) { $0 + $1.rowCount }
  }

  private struct Outcome: Sendable {
    var finished: [(move: PlannedMove, rowCount: Int)] = []
    var changedCount = 0
  }
}

/// How many people could not be moved.
package struct MovesLeft: Equatable, Sendable {
  /// Their key is destroyed or out of reach: the erasure is on its way.
  package var keyless = 0
  /// Their key does not open all of their rows.
  package var unreadable = 0
  /// They were changed meanwhile, and come again.
  package var changing = 0

  /// Whether everybody was moved.
  package var isEmpty: Bool { keyless + unreadable + changing == 0 }
}

/// Rows a second over a few seconds in which rows were moved.
struct MoveRate: Sendable {
  private static let windowMicroseconds: Int64 = 10_000_000

  private var pieces: [(from: Int64, until: Int64, rowCount: Int)] = []

  mutating func add(_ rowCount: Int, from began: Int64, until ended: Int64) {
    guard rowCount > 0 else { return }
    pieces.append((began, ended, rowCount))
    pieces.removeAll { $0.until < ended - Self.windowMicroseconds }
  }

  var rowsPerSecond: Double {
    guard let first = pieces.first, let last = pieces.last else { return 0 }
    let rowCount = pieces.reduce(0) { $0 + $1.rowCount }
    return Double(rowCount) / (Double(max(last.until - first.from, 1)) / 1_000_000)
  }
}
