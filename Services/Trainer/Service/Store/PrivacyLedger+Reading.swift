internal import Cryptography
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
package import TrainerAPI

extension PrivacyLedger {
  /// A budget and where it stands.
  package func state(of key: BudgetKey) throws -> BudgetState {
    guard let state = try store.read({ try Self.state(of: key, in: $0) }) else {
      throw TrainerError.unknownBudget(key)
    }
    return state
  }

  /// All budgets.
  package func states() throws -> [BudgetState] {
    try store.read { snapshot in
      try snapshot.rows(TrainerTables.budgets).map { key, record in
        let standing = try snapshot.get(TrainerTables.standings, key)?.message
        return BudgetState(record: record.message, standing: standing ?? BudgetStanding())
      }
    }
  }

  /// Up to `limit` charges after number `after`, in order, each with what became of it.
  package func charges(of key: BudgetKey, after: UInt64, limit: Int) throws -> [Charge] {
    try store.read { snapshot in
      guard try snapshot.contains(TrainerTables.budgets, key.stored) else {
        throw TrainerError.unknownBudget(key)
      }
      var charges: [Charge] = []
      let range = KeyRange<TrainerTables.Entry>.prefix(key.stored).after(key.entry(after))
      try snapshot.scan(TrainerTables.entries, range) { _, value in
        let entry = value.message
        guard entry.state == .reserved else { return .next }
        var charge = Charge(
          number: entry.number, atUs: entry.atUs, principal: entry.principal,
          operation: entry.operation, mechanism: entry.mechanism, epsilon: entry.epsilon,
          state: .reserved, hash: entry.hash)
        if let number = try snapshot.get(TrainerTables.outcomes, key.entry(entry.number)) {
          charge.state =
            try snapshot.get(TrainerTables.entries, key.entry(number))?.message.state
            ?? .unspecified
        }
        charges.append(charge)
        return charges.count < limit ? .next : .stop
      }
      return charges
    }
  }

  /// Rebuilds every standing from its entries and checks each hash on the way.
  ///
  /// - Throws: `brokenLedger` with the first entry that is missing or not what was written.
  package func verify() throws {
    try store.read { snapshot in
      for (key, record) in try snapshot.rows(TrainerTables.budgets) {
        let budget = try BudgetKey(dataset: record.message.dataset, purpose: record.message.purpose)
        var rebuilt = LedgerReplay()
        try snapshot.scan(TrainerTables.entries, .prefix(key)) { _, value in
          guard try rebuilt.add(value.message) else {
            throw TrainerError.brokenLedger(budget, entry: rebuilt.standing.entryCount + 1)
          }
          return .next
        }
        guard try snapshot.get(TrainerTables.standings, key)?.message == rebuilt.standing else {
          throw TrainerError.brokenLedger(budget, entry: rebuilt.standing.entryCount + 1)
        }
      }
    }
  }

  static func state(
    of key: BudgetKey, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> BudgetState? {
    guard let record = try reader.get(TrainerTables.budgets, key.stored)?.message,
      let standing = try reader.get(TrainerTables.standings, key.stored)?.message
    else { return nil }
    return BudgetState(record: record, standing: standing)
  }
}

/// A ledger read from its first entry on.
struct LedgerReplay {
  private(set) var standing = BudgetStanding()
  private var open: [UInt64: PrivacyLoss] = [:]

  /// Adds the next entry; false where it does not follow from those before it.
  mutating func add(_ entry: LedgerEntry) throws -> Bool {
    guard entry.number == standing.entryCount + 1,
      try entry.hash == entry.hash(after: standing.hash)
    else { return false }
    var loss = PrivacyLoss(
      precisionUnits: standing.precisionUnits, roundingUnits: standing.roundingUnits)
    switch entry.state {
    case .reserved:
      guard let sum = loss.adding(entry.loss) else { return false }
      loss = sum
      open[entry.number] = entry.loss
      standing.chargeCount += 1
    case .settled:
      guard open.removeValue(forKey: entry.chargeNumber) != nil else { return false }
    case .released:
      guard let released = open.removeValue(forKey: entry.chargeNumber),
        let rest = loss.subtracting(released)
      else { return false }
      loss = rest
    case .unspecified, .unrecognized: return false
    }
    standing.precisionUnits = loss.precisionUnits
    standing.roundingUnits = loss.roundingUnits
    standing.entryCount = entry.number
    standing.hash = entry.hash
    return true
  }
}

extension LedgerEntry {
  /// What the charge comes to.
  var loss: PrivacyLoss {
    PrivacyLoss(precisionUnits: precisionUnits, roundingUnits: roundingUnits)
  }

  /// The hash that belongs to the entry behind one with the hash `previous`.
  func hash(after previous: [UInt8]) throws -> [UInt8] {
    var bare = self
    bare.hash = []
    return try Digest.sha256(previous + bare.packed())
  }
}
