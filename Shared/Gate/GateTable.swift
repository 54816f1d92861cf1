internal import PrivacyCore

/// Who allows what, in memory: an open-addressing table of people, each with a short list of
/// entries. For each person and scope the latest receipt in log order counts; an erasure counts for
/// ever. At most 80 bytes a person whose scopes stand on one receipt, and 40 for each further one.
struct GateTable: Sendable {
  /// What the latest receipt says about one scope of one person.
  struct Permission: Sendable {
    /// The receipt.
    let receipt: CompactConsentID
    /// From when it counts.
    let grantedAt: Timestamp
    /// Until when it counts.
    let expiresAt: Timestamp
    /// Where the receipt stands in the log.
    let sequence: LogSequenceNumber

    /// Why this permission does not hold at `now`, or `nil` where it does.
    func withholding(at now: Timestamp) -> Withholding? {
      if now < grantedAt { return .notYetValid }
      return now < expiresAt ? nil : .expired
    }
  }

  private struct Person: Sendable {
    var pid: PseudonymousID
    var entry: PermissionEntry
  }

  private struct PersonScope: Hashable, Sendable {
    let person: Int
    let scope: Int
  }

  /// Whether a scope is restricted, and by which change.
  private struct Restriction: Sendable {
    let isOn: Bool
    let sequence: LogSequenceNumber
  }

  /// No more scopes can be told apart: 256 pages of 16.
  static let scopeCountMax = 4_096
  private static let none: Int32 = -1

  private var index = PersonIndex()
  private var people = ChunkedArray<Person>()
  private var entries = ChunkedArray<PermissionEntry>()
  /// Few people are restricted, so nobody else pays for it.
  private var restrictions: [PersonScope: Restriction] = [:]
  private var scopeNumbers: [Scope: Int] = [:]
  private var scopes: [Scope] = []
  /// Whom the former pids mean, as long as the rotation of pid keys that replaced them runs.
  private var formers: [PseudonymousID: Former] = [:]
  /// The last rotation that is over.
  private(set) var retiredRotation: UInt32 = 0

  private struct Former: Sendable {
    let person: Int
    let rotation: UInt32
  }

  /// How many people are known.
  var personCount: Int { people.count }

  /// The bytes that the table takes for its people.
  var byteCount: Int {
    index.byteCount + people.byteCount + entries.byteCount
  }

  // MARK: Questions

  /// What counts for `scope` of `pid`, or why nothing does at `now`.
  func permission(
    of pid: PseudonymousID, for scope: Scope, at now: Timestamp
  ) throws(Withholding) -> Permission {
    guard let person = person(pid) else { throw .neverAsked }
    if people[person].entry.kind == .erased { throw .erased }
    guard let number = scopeNumbers[scope], let entry = entry(of: number, person) else {
      throw .neverAsked
    }
    if let reason = entry.takenBack { throw reason }
    if isRestricted(person, number) { throw .restricted }
    let permission = permission(entry)
    if let reason = permission.withholding(at: now) { throw reason }
    return permission
  }

  /// The permission that stands on `receipt` and holds for `pid` at `now`, with the scopes for
  /// which this receipt is the latest.
  func permission(
    of pid: PseudonymousID, under receipt: CompactConsentID, at now: Timestamp
  ) throws(Withholding) -> (permission: Permission, scopes: [Scope]) {
    guard let person = person(pid) else { throw .unknownReceipt }
    if people[person].entry.kind == .erased { throw .erased }
    var found: Permission?
    var numbers: [Int] = []
    var reason: Withholding?
    forEachEntry(of: person) { entry in
      guard entry.scopes != 0 else { return }
      if let takenBack = entry.takenBack {
        reason = reason == .withdrawn ? reason : takenBack
      } else if entry.receipt == receipt {
        found = permission(entry)
        numbers += entry.scopeNumbers
      }
    }
    guard let found else { throw reason ?? .unknownReceipt }
    let allowed = numbers.filter { !isRestricted(person, $0) }
    guard !allowed.isEmpty else { throw .restricted }
    if let reason = found.withholding(at: now) { throw reason }
    return (found, allowed.map { scopes[$0] })
  }

  private func permission(_ entry: PermissionEntry) -> Permission {
    Permission(
      receipt: entry.receipt, grantedAt: entry.grantedAt, expiresAt: entry.expiresAt,
      sequence: entry.sequence)
  }

  private func isRestricted(_ person: Int, _ scope: Int) -> Bool {
    !restrictions.isEmpty
      && restrictions[PersonScope(person: person, scope: scope)]?.isOn ?? false
  }

  // MARK: Changes

  /// Applies one change. A change older than what the table knows of a scope alters nothing there.
  ///
  /// - Throws: `tooManyScopes`: what is not known to be allowed is withheld, but what could not be
  ///   taken back would be served.
  mutating func apply(_ change: ConsentChange) throws(GateTableError) {
    try takeAway(change)
    guard let person = living(change) else { return }
    switch change.kind {
    case .grant: try put(change.scopes, .grant, of: person, change)
    case .restrictionLifted: try restrict(change.scopes, false, of: person, change)
    case .renaming(let former, let rotation):
      // Only now: what came before it and allows something was entered behind what takes away.
      if rotation <= retiredRotation { formers[former] = nil }
    case .withdrawal, .denial, .objection, .restriction, .erasure: break
    }
  }

  /// Applies only what a change takes away, and what later changes need to find whom they mean.
  mutating func takeAway(_ change: ConsentChange) throws(GateTableError) {
    if case .renaming(let former, let rotation) = change.kind {
      rename(former, to: change.pid, in: rotation)
      return
    }
    guard let person = living(change) else { return }
    switch change.kind {
    case .withdrawal: try put(change.scopes, .withdrawn, of: person, change)
    case .objection: try put(change.scopes, .objected, of: person, change)
    case .grant, .denial: try put(change.deniedScopes, .denied, of: person, change)
    case .restriction: try restrict(change.scopes, true, of: person, change)
    case .restrictionLifted, .renaming: break
    case .erasure: erase(person, change)
    }
  }

  /// The person known as `former` is known as `pid`, and under the former pid until the rotation is
  /// over. Should anything be entered under `pid` already, only that counts.
  private mutating func rename(
    _ former: PseudonymousID, to pid: PseudonymousID, in rotation: UInt32
  ) {
    let person: Int
    if let known = self.person(pid) {
      person = known
    } else if let known = self.person(former) {
      people[known].pid = pid
      enter(known)
      person = known
    } else {
      person = findOrInsert(pid)
    }
    formers[former] = Former(person: person, rotation: rotation)
  }

  /// Former pids of `rotation`, and of those before it, are nobody's any more.
  mutating func retire(_ rotation: UInt32) {
    guard rotation > retiredRotation else { return }
    retiredRotation = rotation
    formers = formers.filter { $0.value.rotation > rotation }
  }

  /// The number of the person a change is about, who is entered where new; `nil` where erased.
  private mutating func living(_ change: ConsentChange) -> Int? {
    let person = findOrInsert(change.pid)
    return people[person].entry.kind == .erased ? nil : person
  }

  private mutating func erase(_ person: Int, _ change: ConsentChange) {
    people[person].entry = entry(.erased, 0, page: 0, change)
  }

  private mutating func restrict(
    _ scopes: [Scope], _ isOn: Bool, of person: Int, _ change: ConsentChange
  ) throws(GateTableError) {
    for scope in scopes {
      let key = PersonScope(person: person, scope: try number(of: scope))
      if let known = restrictions[key], known.sequence > change.sequence { continue }
      restrictions[key] = Restriction(isOn: isOn, sequence: change.sequence)
    }
  }

  private mutating func put(
    _ scopes: [Scope], _ kind: PermissionEntry.Kind, of person: Int, _ change: ConsentChange
  ) throws(GateTableError) {
    guard !scopes.isEmpty else { return }
    var pages: [(page: UInt8, scopes: UInt16)] = []
    for scope in scopes {
      let number = try number(of: scope)
      let page = UInt8(number / PermissionEntry.scopesPerPage)
      let bit = UInt16(1) << UInt16(number % PermissionEntry.scopesPerPage)
      if let index = pages.firstIndex(where: { $0.page == page }) {
        pages[index].scopes |= bit
      } else {
        pages.append((page, bit))
      }
    }
    for (page, scopes) in pages { put(scopes, page: page, kind, of: person, change) }
  }

  /// Takes the scopes out of the entries that speak of them now, and enters them anew; where an
  /// entry is newer than the change it stays.
  private mutating func put(
    _ wanted: UInt16, page: UInt8, _ kind: PermissionEntry.Kind, of person: Int,
    _ change: ConsentChange
  ) {
    var scopes = wanted
    var free: Int32?
    var last = Self.none
    forEachPlace(of: person) { place, entry in
      if entry.page == page, entry.scopes & wanted != 0 {
        if entry.sequence > change.sequence {
          scopes &= ~entry.scopes
        } else {
          entry.scopes &= ~wanted
        }
      }
      if entry.scopes == 0, free == nil { free = place }
      last = place
    }
    guard scopes != 0 else { return }
    var entry = entry(kind, scopes, page: page, change)
    if let free {
      entry.next = self.next(of: person, at: free)
      set(entry, of: person, at: free)
    } else {
      entries.append(entry)
      setNext(Int32(entries.count - 1), of: person, at: last)
    }
  }

  private func entry(
    _ kind: PermissionEntry.Kind, _ scopes: UInt16, page: UInt8, _ change: ConsentChange
  ) -> PermissionEntry {
    PermissionEntry(
      kind, scopes: scopes, page: page, receipt: CompactConsentID(change.consentID),
      grantedAt: change.grantedAt, expiresAt: change.expiresAt, sequence: change.sequence)
  }

  private mutating func number(of scope: Scope) throws(GateTableError) -> Int {
    if let number = scopeNumbers[scope] { return number }
    guard scopes.count < Self.scopeCountMax else {
      throw .tooManyScopes(limit: Self.scopeCountMax)
    }
    scopes.append(scope)
    scopeNumbers[scope] = scopes.count - 1
    return scopes.count - 1
  }

  // MARK: The entries of a person: the first stands with the person, at place -1

  private func entry(of scope: Int, _ person: Int) -> PermissionEntry? {
    let page = UInt8(scope / PermissionEntry.scopesPerPage)
    let bit = UInt16(1) << UInt16(scope % PermissionEntry.scopesPerPage)
    var entry = people[person].entry
    while entry.page != page || entry.scopes & bit == 0 {
      guard entry.next != Self.none else { return nil }
      entry = entries[Int(entry.next)]
    }
    return entry
  }

  private func forEachEntry(of person: Int, _ body: (PermissionEntry) -> Void) {
    var entry = people[person].entry
    body(entry)
    while entry.next != Self.none {
      entry = entries[Int(entry.next)]
      body(entry)
    }
  }

  private mutating func forEachPlace(
    of person: Int, _ body: (Int32, inout PermissionEntry) -> Void
  ) {
    body(Self.none, &people[person].entry)
    var place = people[person].entry.next
    while place != Self.none {
      body(place, &entries[Int(place)])
      place = entries[Int(place)].next
    }
  }

  private func next(of person: Int, at place: Int32) -> Int32 {
    place == Self.none ? people[person].entry.next : entries[Int(place)].next
  }

  private mutating func set(_ entry: PermissionEntry, of person: Int, at place: Int32) {
    if place == Self.none { people[person].entry = entry } else { entries[Int(place)] = entry }
  }

  private mutating func setNext(_ next: Int32, of person: Int, at place: Int32) {
    if place == Self.none {
      people[person].entry.next = next
    } else {
      entries[Int(place)].next = next
    }
  }

  // MARK: The table of people

  private static func hash(_ pid: PseudonymousID) -> UInt64 {
    UInt64(bitPattern: Int64(pid.hashValue))
  }

  private func person(_ pid: PseudonymousID) -> Int? {
    if !formers.isEmpty, let former = formers[pid] { return former.person }
    return index.number(Self.hash(pid)) { people[$0].pid == pid }
  }

  private mutating func findOrInsert(_ pid: PseudonymousID) -> Int {
    if let person = person(pid) { return person }
    people.append(Person(pid: pid, entry: PermissionEntry.free))
    enter(people.count - 1)
    return people.count - 1
  }

  private mutating func enter(_ person: Int) {
    let known = people
    index.insert(person, Self.hash(known[person].pid)) { Self.hash(known[$0].pid) }
  }
}

/// Why a change cannot be taken in.
enum GateTableError: Error, Hashable, Sendable {
  case tooManyScopes(limit: Int)
}

extension PermissionEntry {
  /// Why nothing of this entry may be served; `nil` for a grant.
  fileprivate var takenBack: Withholding? {
    switch kind {
    case .grant: nil
    case .withdrawn: .withdrawn
    case .denied: .denied
    case .objected: .objected
    case .erased: .erased
    case nil: .neverAsked
    }
  }

  /// The numbers of its scopes.
  fileprivate var scopeNumbers: [Int] {
    (0..<Self.scopesPerPage).filter { scopes & (1 << UInt16($0)) != 0 }
      .map { Int(page) * Self.scopesPerPage + $0 }
  }
}
