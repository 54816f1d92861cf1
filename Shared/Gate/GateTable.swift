internal import PrivacyCore

/// Who allows what, in memory: an open-addressing table of people, each with a short list of
/// permissions. For each person and scope the latest receipt in log order counts; an erasure
/// counts for ever. About 100 bytes a person with one scope.
struct GateTable: Sendable {
  /// What the latest receipt says about one scope of one person.
  struct Permission: Sendable {
    fileprivate var next: Int32
    fileprivate var scope: Int32
    /// False where the scope was taken back.
    fileprivate(set) var isGrant: Bool
    /// The receipt.
    fileprivate(set) var receipt: CompactConsentID
    /// From when it counts.
    fileprivate(set) var grantedAt: Timestamp
    /// Until when it counts.
    fileprivate(set) var expiresAt: Timestamp
    /// Where the receipt stands in the log.
    fileprivate(set) var sequence: LogSequenceNumber

    /// Why this permission does not hold at `now`, or `nil` where it does.
    func withholding(at now: Timestamp) -> Withholding? {
      if !isGrant { return .withdrawn }
      if now < grantedAt { return .notYetValid }
      return now < expiresAt ? nil : .expired
    }
  }

  private struct Person: Sendable {
    let pid: PseudonymousID
    var first: Int32
    var isErased: Bool
  }

  private static let none: Int32 = -1

  /// Slot to person: an index into `people`, or `none`. A power of two, at most 3/4 full.
  private var slots = [Int32](repeating: none, count: 16)
  private var people: [Person] = []
  private var permissions: [Permission] = []
  private var scopeNumbers: [Scope: Int32] = [:]
  private var scopes: [Scope] = []

  /// How many people are known.
  var personCount: Int { people.count }

  // MARK: Questions

  /// What counts for `scope` of `pid`, or why nothing does at `now`.
  func permission(
    of pid: PseudonymousID, for scope: Scope, at now: Timestamp
  ) throws(Withholding) -> Permission {
    guard let person = person(pid) else { throw .neverAsked }
    if person.isErased { throw .erased }
    guard let number = scopeNumbers[scope], let index = index(of: number, in: person) else {
      throw .neverAsked
    }
    let permission = permissions[index]
    if let reason = permission.withholding(at: now) { throw reason }
    return permission
  }

  /// The permission that stands on `receipt` and holds for `pid` at `now`, with the scopes for
  /// which this receipt is the latest.
  func permission(
    of pid: PseudonymousID, under receipt: CompactConsentID, at now: Timestamp
  ) throws(Withholding) -> (permission: Permission, scopes: [Scope]) {
    guard let person = person(pid) else { throw .unknownReceipt }
    if person.isErased { throw .erased }
    var found: Permission?
    var foundScopes: [Scope] = []
    var hasWithdrawal = false
    var index = person.first
    while index != Self.none {
      let permission = permissions[Int(index)]
      if permission.isGrant, permission.receipt == receipt {
        found = permission
        foundScopes.append(scopes[Int(permission.scope)])
      }
      hasWithdrawal = hasWithdrawal || !permission.isGrant
      index = permission.next
    }
    guard let found else { throw hasWithdrawal ? .withdrawn : .unknownReceipt }
    if let reason = found.withholding(at: now) { throw reason }
    return (found, foundScopes)
  }

  // MARK: Changes

  /// Applies one change. A change older than what the table knows of a scope alters nothing there.
  mutating func apply(_ change: ConsentChange) {
    let index = findOrInsert(change.pid)
    guard !people[index].isErased else { return }
    if change.kind == .erasure {
      people[index].isErased = true
      return
    }
    guard let receipt = CompactConsentID(text: change.consentID.description) else { return }
    for scope in change.scopes {
      let permission = Permission(
        next: Self.none, scope: number(of: scope), isGrant: change.kind == .grant,
        receipt: receipt, grantedAt: change.grantedAt, expiresAt: change.expiresAt,
        sequence: change.sequence)
      put(permission, ofPersonAt: index)
    }
  }

  private mutating func put(_ permission: Permission, ofPersonAt person: Int) {
    if let index = index(of: permission.scope, in: people[person]) {
      guard permissions[index].sequence <= permission.sequence else { return }
      let next = permissions[index].next
      permissions[index] = permission
      permissions[index].next = next
    } else {
      permissions.append(permission)
      permissions[permissions.count - 1].next = people[person].first
      people[person].first = Int32(permissions.count - 1)
    }
  }

  private mutating func number(of scope: Scope) -> Int32 {
    if let number = scopeNumbers[scope] { return number }
    let number = Int32(scopes.count)
    scopes.append(scope)
    scopeNumbers[scope] = number
    return number
  }

  // MARK: The table of people

  private func index(of scope: Int32, in person: Person) -> Int? {
    var index = person.first
    while index != Self.none {
      if permissions[Int(index)].scope == scope { return Int(index) }
      index = permissions[Int(index)].next
    }
    return nil
  }

  private func person(_ pid: PseudonymousID) -> Person? {
    let entry = slots[slot(of: pid)]
    return entry == Self.none ? nil : people[Int(entry)]
  }

  /// The slot that holds `pid`, or the empty one where it belongs (linear probing).
  private func slot(of pid: PseudonymousID) -> Int {
    let mask = slots.count - 1
    var slot = pid.hashValue & mask
    while slots[slot] != Self.none, people[Int(slots[slot])].pid != pid {
      slot = (slot + 1) & mask
    }
    return slot
  }

  private mutating func findOrInsert(_ pid: PseudonymousID) -> Int {
    if (people.count + 1) * 4 > slots.count * 3 { grow() }
    let slot = slot(of: pid)
    if slots[slot] == Self.none {
      people.append(Person(pid: pid, first: Self.none, isErased: false))
      slots[slot] = Int32(people.count - 1)
    }
    return Int(slots[slot])
  }

  private mutating func grow() {
    slots = [Int32](repeating: Self.none, count: slots.count * 2)
    for (index, person) in people.enumerated() { slots[slot(of: person.pid)] = Int32(index) }
  }
}
