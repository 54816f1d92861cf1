internal import DynamicMessages
internal import PrivacyCore
internal import SealedStore
package import ServiceKit
internal import StoredMessages
internal import VaultAPI

extension VaultTables {
  /// What a person is told of each table.
  package static let holdings: [String: HoldingsCoverage] = [
    people.name: .section("vault.person"),
    identifiers.name: .section("vault.identifiers"),
    aliases.name: .section("vault.aliases"),
    subjectKeys.name: .section("vault.subject_key"),
    ringSealedKeys.name: .within("vault.subject_key", because: "keys from before the key tree"),
    slotOwners.name: .within("vault.subject_key", because: "whose each slot is"),
    keyTree.name: .notAboutPeople(because: "the epoch of the key tree"),
    slotsGivenUp.name: .notAboutPeople(because: "slots whose owner is forgotten"),
    forgotten.name: .section("vault.forgotten"),
    domains.name: .notAboutPeople(because: "how the pids of each domain are made"),
    shared.name: .section("vault.shared"),
    RotationTables.successors.name: .within("vault.aliases", because: "two pids of one person"),
    RotationTables.predecessors.name: .within("vault.aliases", because: "two pids of one person"),
    RotationTables.renamings.name: .within(
      "vault.aliases", because: "the order in which people get other pids"),
    RotationTables.rotations.name: .notAboutPeople(because: "how far a rotation of keys is"),
    RotationTables.window.name: .notAboutPeople(because: "whether two pids are in force"),
    RotationTables.reports.name: .notAboutPeople(
      because: "how far services are with a rotation of keys"),
    CaseTables.cases.name: .section("vault.cases"),
    CaseTables.pending.name: .within("vault.cases", because: "which cases are open"),
    CaseTables.path.name: .notAboutPeople(because: "whether the whole path is open"),
    CallerTables.days.name: .notAboutPeople(
      because: "how much each caller asked for; its sketch names nobody"),
  ]
}

extension PersonRegistry {
  /// Every pid under which services may hold something of the person whom `pid` names: the
  /// person's first, then those of linked identifiers and merged people. `pid` alone where the vault
  /// knows nobody by it, or has forgotten who it was.
  func names(of pid: PseudonymousID) throws -> [PseudonymousID] {
    try store.read { snapshot in
      guard let person = try Self.person(pid, in: snapshot),
        let key = try keys.identifierKey(of: person, in: snapshot)
      else { return try Self.withOtherNames([pid], in: snapshot) }
      var names = [person]
      for row in try snapshot.rows(VaultTables.identifiers, .prefix(person), under: key) {
        let record = row.value.message
        for bytes in [record.pid] + record.merges.map(\.from) {
          guard let name = PseudonymousID(bytes: bytes) else {
            throw StoreError.corrupted("an identifier has no pid")
          }
          if !names.contains(name) { names.append(name) }
        }
      }
      return try Self.withOtherNames(names, in: snapshot)
    }
  }

  /// The same pids, and behind them the other one of each while both are in force.
  private static func withOtherNames(
    _ names: [PseudonymousID], in snapshot: borrowing ReadSnapshot
  ) throws -> [PseudonymousID] {
    var all = names
    for name in names {
      guard let other = try nameInForce(besides: name, in: snapshot), !all.contains(other) else {
        continue
      }
      all.append(other)
    }
    return all
  }

  /// Whether several people may use an identifier.
  func isShared(_ newcomer: Newcomer) throws -> Bool {
    if newcomer.isLikelyShared { return true }
    return try store.read { try newcomer.isMarkedShared(in: $0) }
  }

  /// Adds everything that the tables hold of the person whom `pid` names, as of one moment.
  func gather(
    _ pid: PseudonymousID, showsIdentifiers: Bool, _ held: inout HeldRecords
  ) throws {
    try store.read { snapshot in
      if let person = try Self.person(pid, in: snapshot) {
        if let record = try snapshot.get(VaultTables.people, person)?.message {
          try held.add("person", key: [("pid", .pid(person))], record)
        }
        try gatherIdentifiers(
          of: person, showsValues: showsIdentifiers, &held, in: snapshot)
        if try snapshot.contains(VaultTables.subjectKeys, person) {
          try held.add("subject_key", [("pid", .pid(person)), ("exists", .bool(true))])
        }
      }
      for name in held.pids {
        if let alias = try snapshot.get(VaultTables.aliases, name)?.message {
          try held.add("aliases", key: [("alias", .pid(name))], alias)
        }
        if let other = try snapshot.get(RotationTables.successors, name)?.message {
          try held.add("aliases", key: [("alias", .pid(name))], AliasRecord(pid: other.pid))
        }
        if let mark = try snapshot.get(VaultTables.shared, name)?.message {
          try held.add("shared", key: [("pid", .pid(name))], mark)
        }
        if let record = try snapshot.get(VaultTables.forgotten, name)?.message {
          try held.add("forgotten", key: [("pid", .pid(name))], record)
        }
      }
    }
  }

  private func gatherIdentifiers(
    of person: PseudonymousID, showsValues: Bool, _ held: inout HeldRecords,
    in snapshot: borrowing ReadSnapshot
  ) throws {
    guard let key = try keys.identifierKey(of: person, in: snapshot) else { return }
    for row in try snapshot.rows(VaultTables.identifiers, .prefix(person), under: key) {
      var record = row.value.message
      record.provenance = Self.capacity(record.provenance)
      for index in record.merges.indices {
        record.merges[index].provenance = Self.capacity(record.merges[index].provenance)
      }
      if !showsValues { record.value = "" }
      try held.add("identifiers", record)
    }
  }

  /// Who recorded an identifier: a source of data as it stands, an employee without the name.
  private static func capacity(_ provenance: String) -> String {
    HeldRecords.isPrincipal(provenance) ? HeldRecords.capacity(of: provenance) : provenance
  }
}
