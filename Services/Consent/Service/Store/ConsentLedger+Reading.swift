package import ConsentAPI
package import ConsentVerifier
package import PrivacyCore
internal import SealedStore
internal import StoredMessages

extension ConsentLedger {
  // MARK: Within a snapshot or a transaction

  static func nextPosition(
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> UInt64 {
    try lastPosition(in: reader) + 1
  }

  static func lastPosition(
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> UInt64 {
    try reader.keys(ConsentTables.receipts, reverse: true, limit: 1).first ?? 0
  }

  static func state(
    of pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PersonState? {
    try reader.get(ConsentTables.people, pid)?.message
  }

  static func receipt(
    at position: UInt64, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> Receipt {
    guard let stored = try reader.get(ConsentTables.receipts, position) else {
      throw StoreError.corrupted("an index names receipt \(position), which is not there")
    }
    return stored.message
  }

  static func receipts(
    of pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> [Receipt] {
    var receipts: [Receipt] = []
    for key in try reader.keys(ConsentTables.history, .prefix(pid)) {
      receipts.append(try receipt(at: key.second, in: reader))
    }
    return receipts
  }

  // MARK: For the service

  /// The position of the newest receipt; 0 where there is none.
  package func lastPosition() throws -> UInt64 {
    try store.read { try Self.lastPosition(in: $0) }
  }

  /// The receipt with this id.
  package func receipt(_ id: ConsentID) throws -> Receipt {
    try store.read { snapshot in
      guard let position = try snapshot.get(ConsentTables.positions, id) else {
        throw ReceiptRefusal.unknownReceipt
      }
      return try Self.receipt(at: position, in: snapshot)
    }
  }

  /// Whether there is a receipt with this id.
  func isKnown(_ id: ConsentID) throws -> Bool {
    try store.read { try $0.contains(ConsentTables.positions, id) }
  }

  /// All receipts of a person, oldest first.
  package func receipts(of pid: PseudonymousID) throws -> [Receipt] {
    try store.read { try Self.receipts(of: names.current(pid, in: $0), in: $0) }
  }

  /// Answers a check by everything that was acknowledged before. For another time the receipts count
  /// that had been recorded by then; an erasure counts at every time. Less than a microsecond for a
  /// person who was asked about before, and several for another one.
  package func decide(_ check: ConsentQuestion) throws -> CheckDecision {
    if let known = known(check, now: time.now) { return known }
    return try store.read { try decide(check, now: time.now, in: $0) }
  }

  /// The same for many, in the order asked; those nobody asked about before from one snapshot.
  package func decide(_ checks: [ConsentQuestion]) throws -> [CheckDecision] {
    let now = time.now
    var unknown: [Int] = []
    var decisions: [CheckDecision] = []
    decisions.reserveCapacity(checks.count)
    for (index, check) in checks.enumerated() {
      let decision = known(check, now: now)
      if decision == nil { unknown.append(index) }
      decisions.append(decision ?? CheckDecision(reason: .neverAsked))
    }
    guard !unknown.isEmpty else { return decisions }
    try store.read { snapshot in
      for index in unknown {
        decisions[index] = try decide(checks[index], now: now, in: snapshot)
      }
    }
    return decisions
  }

  private func known(_ check: ConsentQuestion, now: Timestamp) -> CheckDecision? {
    guard check.at == nil else { return nil }
    return standings.standing(of: check.pid)?.state.decision(for: check.scope, at: now)
  }

  private func decide(
    _ check: ConsentQuestion, now: Timestamp, in snapshot: borrowing ReadSnapshot
  ) throws -> CheckDecision {
    let pid = try names.current(check.pid, in: snapshot)
    // Under a former pid nothing is kept in memory: what is kept of the person is kept once.
    let known = check.at == nil && pid != check.pid ? standings.standing(of: pid)?.state : nil
    let state = try known ?? Self.state(of: pid, in: snapshot) ?? PersonState()
    if known == nil { standings.insert(state, of: pid, at: snapshot.sequence) }
    guard let at = check.at else { return state.decision(for: check.scope, at: now) }
    if state.isErased { return CheckDecision(reason: .erased) }
    return try Self.standing(of: pid, at: at, in: snapshot).state
      .decision(for: check.scope, at: at)
  }

  /// What counts for a person, and up to which position that holds.
  package func standing(of pid: PseudonymousID) throws -> (state: PersonState, position: UInt64) {
    try store.read { snapshot in
      (
        try Self.state(of: names.current(pid, in: snapshot), in: snapshot) ?? PersonState(),
        try Self.lastPosition(in: snapshot)
      )
    }
  }

  /// The states of up to `limit` people behind `pid` in the order of their ids.
  package func states(
    after pid: PseudonymousID?, limit: Int
  ) throws -> [(pid: PseudonymousID, state: PersonState)] {
    try store.read { snapshot in
      var states: [(pid: PseudonymousID, state: PersonState)] = []
      try snapshot.scan(
        ConsentTables.people, pid.map { KeyRange.after($0) } ?? .all, limit: limit
      ) { pid, stored in
        states.append((pid, stored.message))
        return .next
      }
      return states
    }
  }

  /// The receipts after a position, up to `limit` of them and about a mebibyte, in log order.
  package func receipts(after position: UInt64, limit: Int) throws -> [Receipt] {
    try store.read { snapshot in
      var receipts: [Receipt] = []
      var byteCount = 0
      try snapshot.scan(ConsentTables.receipts, .after(position), limit: limit) { _, stored in
        let receipt = stored.message
        receipts.append(receipt)
        byteCount += receipt.roughByteCount
        return byteCount < Self.batchByteCount ? .next : .stop
      }
      return receipts
    }
  }

  /// A message of the feed stays far below the largest frame.
  private static let batchByteCount = 1 << 20
}

/// Whether a person allows a scope, now or at a time.
package struct ConsentQuestion: Sendable {
  package let pid: PseudonymousID
  package let scope: String
  package let at: Timestamp?

  package init(pid: PseudonymousID, scope: String, at: Timestamp?) {
    self.pid = pid
    self.scope = scope
    self.at = at
  }
}

extension Receipt {
  /// About how many bytes it takes in a message.
  fileprivate var roughByteCount: Int {
    (scopes + deniedScopes).reduce(160 + source.utf8.count) { $0 + $1.utf8.count + 2 }
      + (details?.roughByteCount ?? 0)
  }
}
