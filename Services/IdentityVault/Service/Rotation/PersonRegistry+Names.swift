internal import Cryptography
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import VaultAPI

/// The pid to give out for a person, and the other one where that may be used too.
struct GivenName: Equatable, Sendable {
  let pid: PseudonymousID
  var other: PseudonymousID?
}

extension PidRotationRecord {
  /// Whether it is under way.
  var isRunning: Bool {
    switch phase {
    case .pending, .dualWrite, .dualRead: true
    case .unspecified, .retired, .unrecognized: false
    }
  }

  /// Whether everybody who is recorded under the former key has a next pid from the beginning.
  var namesNewcomers: Bool { phase == .pending || phase == .dualWrite }
}

extension PersonRegistry {
  // MARK: - The rotation

  /// The rotation that runs or the last one. Opens nothing where there never was one.
  static func rotation(
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PidRotationRecord? {
    guard try reader.contains(RotationTables.rotations, RotationTables.only) else { return nil }
    return try reader.get(RotationTables.rotations, RotationTables.only)?.message
  }

  static func put(
    _ rotation: PidRotationRecord, in transaction: inout WriteTransaction
  ) throws {
    try transaction.put(RotationTables.rotations, RotationTables.only, StoredMessage(rotation))
  }

  /// The rotation, where it asks for a next pid for whom `keys` record; `nil` where it does not.
  ///
  /// - Throws: `PidKeysChanged` where `keys` are not those of the domain any more, or the next key is
  ///   not known yet.
  func rotationNaming(
    _ keys: PidKeyring.Keys, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> (record: PidRotationRecord, next: PseudonymDomain)? {
    guard let rotation = try Self.rotation(in: reader) else { return nil }
    let place = KeyPair(keyring.tenant, keys.current.name)
    let settled = try reader.get(VaultTables.domains, place)?.message
    guard settled?.keyVersion == keys.current.keyVersion else { throw PidKeysChanged() }
    guard rotation.namesNewcomers, rotation.domain == keys.current.name else { return nil }
    guard let next = keyring.next(of: rotation.domain), next.keyVersion == rotation.keyVersion
    else { throw PidKeysChanged() }
    return (rotation, next)
  }

  // MARK: - Names

  /// The other pid of one, whatever the phase of the rotation: `nil` where there is none.
  static func otherName(
    of pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PseudonymousID? {
    try renaming(of: pid, in: reader).map { $0.former == pid ? $0.new : $0.former }
  }

  /// The other pid of one while both are in force. Costs a look-up where none are.
  static func nameInForce(
    besides pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PseudonymousID? {
    guard try reader.contains(RotationTables.window, RotationTables.only) else { return nil }
    return try otherName(of: pid, in: reader)
  }

  /// The renaming that a pid takes part in.
  static func renaming(
    of pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> (former: PseudonymousID, new: PseudonymousID, number: UInt64)? {
    if let record = try reader.get(RotationTables.successors, pid)?.message {
      return (pid, try name(record), record.number)
    }
    if let record = try reader.get(RotationTables.predecessors, pid)?.message {
      return (try name(record), pid, record.number)
    }
    return nil
  }

  private static func name(_ record: OtherNameRecord) throws -> PseudonymousID {
    guard let pid = PseudonymousID(bytes: record.pid) else {
      throw StoreError.corrupted("a renaming has no pid")
    }
    return pid
  }

  /// Decides the next pid of one, once: appends a renaming.
  static func appendRenaming(
    _ former: PseudonymousID, _ new: PseudonymousID, _ rotation: inout PidRotationRecord,
    in transaction: inout WriteTransaction
  ) throws {
    guard try !transaction.contains(RotationTables.successors, former) else { return }
    rotation.renamings += 1
    let number = rotation.renamings
    try transaction.put(
      RotationTables.successors, former,
      StoredMessage(OtherNameRecord(pid: new.bytes, number: number)))
    try transaction.put(
      RotationTables.predecessors, new,
      StoredMessage(OtherNameRecord(pid: former.bytes, number: number)))
    try transaction.put(RotationTables.renamings, number, former.bytes)
  }

  /// The pid that is given out for a person whose rows stand under `person`.
  static func given(
    _ person: PseudonymousID, _ window: RenamingWindow,
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> GivenName {
    guard let names = try renaming(of: person, in: reader) else { return GivenName(pid: person) }
    let isConfirmed = names.number <= window.confirmed
    if window.givesNew, isConfirmed { return GivenName(pid: names.new, other: names.former) }
    return GivenName(
      pid: names.former, other: isConfirmed && !window.givesNew ? names.new : nil)
  }

  /// For each pid what is given out for the person whom it names, or `nil`; all as of one moment.
  func given(
    _ pids: [PseudonymousID?], _ window: RenamingWindow
  ) throws -> [GivenName?] {
    try store.read { snapshot in
      try pids.map { pid in
        guard let pid, let person = try Self.person(pid, in: snapshot) else { return nil }
        return try Self.given(person, window, in: snapshot)
      }
    }
  }

  /// What is given out for somebody whose rows stand under `person`.
  func given(_ person: PseudonymousID, in domain: PidKeyring.Keys?) throws -> PseudonymousID {
    guard let window = domain?.window else { return person }
    return try store.read { try Self.given(person, window, in: $0) }.pid
  }

  // MARK: - Standings

  /// What the vault knows of pids, as of one moment.
  func standings(of pids: [PseudonymousID]) throws -> [PidStanding] {
    try store.read { snapshot in
      let isWindow = try snapshot.contains(RotationTables.window, RotationTables.only)
      return try pids.map { pid in
        if try snapshot.contains(VaultTables.forgotten, pid) { return .forgotten }
        if isWindow, try snapshot.contains(RotationTables.successors, pid) { return .former }
        let isKnown =
          try snapshot.contains(VaultTables.people, pid)
          || snapshot.contains(VaultTables.aliases, pid)
          || (isWindow && snapshot.contains(RotationTables.predecessors, pid))
        return isKnown ? .current : .unspecified
      }
    }
  }

  // MARK: - Moving

  /// Brings everything that the vault holds of a person under the next pids. Answers where it is
  /// then: `person` itself where there is no next pid, or the key is destroyed.
  @discardableResult
  func rename(
    _ person: PseudonymousID, in transaction: inout WriteTransaction
  ) throws -> PseudonymousID {
    guard let record = try transaction.get(RotationTables.successors, person)?.message,
      var description = try transaction.get(VaultTables.people, person)?.message
    else { return person }
    let new = try Self.name(record)
    let seat = try keys.record(of: person, in: transaction)
    guard let fresh = try keys.resealed(seat, of: person, for: new) else { return person }
    let rows = try transaction.rows(
      VaultTables.identifiers, .prefix(person), under: fresh.identifierKey)
    for row in rows {
      var identifier = row.value.message
      for name in [identifier.pid] + identifier.merges.map(\.from) {
        try Self.renameAlias(name, of: new, besides: person, in: &transaction)
      }
      identifier.pid = try Self.next(identifier.pid, in: transaction)
      for index in identifier.merges.indices {
        identifier.merges[index].from = try Self.next(
          identifier.merges[index].from, in: transaction)
      }
      try transaction.delete(VaultTables.identifiers, row.key)
      try transaction.put(
        VaultTables.identifiers, KeyPair(new, row.key.second), StoredMessage(identifier),
        under: fresh.identifierKey)
    }
    try transaction.delete(VaultTables.subjectKeys, person)
    try keys.put(fresh, in: &transaction)
    try removeRow(of: person, in: &transaction)
    if let rotation = try Self.rotation(in: transaction) {
      description.keyVersion = rotation.keyVersion
    }
    try transaction.put(VaultTables.people, new, StoredMessage(description))
    return new
  }

  /// Brings one identifier's own name, and the mark that it is shared, under the next pid.
  private static func renameAlias(
    _ bytes: [UInt8], of person: PseudonymousID, besides former: PseudonymousID,
    in transaction: inout WriteTransaction
  ) throws {
    guard let name = PseudonymousID(bytes: bytes),
      let next = PseudonymousID(bytes: try next(bytes, in: transaction))
    else { throw StoreError.corrupted("an identifier has no pid") }
    if name != next {
      try transaction.delete(VaultTables.aliases, name)
      try moveMark(from: name, to: next, in: &transaction)
    }
    guard name != former else { return }
    try transaction.put(VaultTables.aliases, next, StoredMessage(AliasRecord(pid: person.bytes)))
  }

  /// Brings the mark of a shared identifier under another pid of the same identifier.
  static func moveMark(
    from former: PseudonymousID, to pid: PseudonymousID, in transaction: inout WriteTransaction
  ) throws {
    guard let mark = try transaction.get(VaultTables.shared, former) else { return }
    try transaction.delete(VaultTables.shared, former)
    try transaction.put(VaultTables.shared, pid, mark)
  }

  private static func next(
    _ bytes: [UInt8], in reader: borrowing some StoreReading & ~Copyable
  ) throws -> [UInt8] {
    guard let pid = PseudonymousID(bytes: bytes) else {
      throw StoreError.corrupted("an identifier has no pid")
    }
    return try reader.get(RotationTables.successors, pid)?.message.pid ?? bytes
  }
}
