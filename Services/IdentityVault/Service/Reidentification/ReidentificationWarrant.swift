internal import AuditLog
internal import Cryptography
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import VaultAPI

/// The right to learn the identifiers of the people of one case, once. It is made in one place:
/// when its use is durable and in the log. Whoever reads identifiers consumes it.
struct ReidentificationWarrant: ~Copyable, Sendable {
  /// The case.
  let id: String
  /// Whose identifiers, in the order of the case.
  let people: [PseudonymousID]

  fileprivate init(id: String, people: [PseudonymousID]) {
    self.id = id
    self.people = people
  }
}

extension CaseBook {
  /// Uses the warrant of a case up. It is used when this returns, and also where it throws or the
  /// process dies after the commit: there is no second answer.
  func use(
    warrantOf id: String, token: [UInt8], by person: CasePerson
  ) async throws -> ReidentificationWarrant {
    let tokenHash = try Digest.sha256(token)
    let people = try await step(by: person.id) { transaction, step -> Outcome<[PseudonymousID]> in
      if step.path.frozen { return .refused(.frozen, case: id) }
      guard var record = try CaseBook.record(id, in: transaction) else {
        return .refused(.unknownCase, case: id)
      }
      // The very identity that asked: another role of the same person did not.
      guard person.id == record.requester else { return .refused(.notTheRequester, case: id) }
      guard ConstantTime.areEqual(tokenHash, record.tokenHash) else {
        return .refused(.wrongToken, case: id)
      }
      switch try record.state(at: step.now, on: step.path) {
      case .approved: break
      case .open: return .refused(.notApproved, case: id)
      case let state: return .refused(.notOpen(state), case: id)
      }
      let people = record.pids.compactMap { PseudonymousID(bytes: $0) }
      guard people.count == record.pids.count else { throw CaseDamage() }
      try CaseBook.close(
        &record, id: id, as: .redeemed, by: person.id, at: step.now, in: &transaction)
      let approvers = record.approvals.map(\.approver).joined(separator: " ")
      let entry = AuditEntry(
        principal: person.id, action: "reidentification.redeem", pids: people,
        details: [
          ("case", id), ("ticket", record.ticket), ("purpose", record.purpose),
          ("approvers", approvers),
        ])
      return .done(people, entry)
    }
    return ReidentificationWarrant(id: id, people: people)
  }

  /// The identifiers that a warrant gives, as of one moment after its use became durable: somebody
  /// who was forgotten in between has none, and a path that was frozen in between gives nothing.
  func reveal(
    _ warrant: consuming ReidentificationWarrant, keys: SubjectKeyKeeper
  ) throws -> [RevealedPerson] {
    let people = warrant.people
    return try store.read { snapshot in
      guard try !path(in: snapshot).frozen else { throw ReidentificationRefusal.frozen }
      return try people.map { pid in
        switch try PersonRegistry.standing(of: pid, in: snapshot) {
        case .unknown: return RevealedPerson(pid: pid.bytes)
        case .forgotten: return RevealedPerson(pid: pid.bytes, forgotten: true)
        case .known(let person):
          guard let key = try keys.identifierKey(of: person, in: snapshot) else {
            return RevealedPerson(pid: pid.bytes, forgotten: true)
          }
          let rows = try snapshot.rows(VaultTables.identifiers, .prefix(person), under: key)
          let identifiers = rows.map { row in
            let record = row.value.message
            return RevealedIdentifier(
              kind: record.kind, value: record.value, source: record.source,
              provenance: record.provenance)
          }
          return RevealedPerson(pid: pid.bytes, known: true, identifiers: identifiers)
        }
      }
    }
  }
}
