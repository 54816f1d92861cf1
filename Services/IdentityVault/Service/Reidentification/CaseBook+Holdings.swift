internal import DynamicMessages
internal import PrivacyCore
internal import SealedStore
internal import ServiceKit
internal import StoredMessages
internal import VaultAPI

extension CaseBook {
  /// Adds the cases that ask for the person's identifiers: what for, and what became of each. The
  /// names of who asked and approved stay here, and so do the other people of a case. Walks over all
  /// cases.
  func gather(_ held: inout HeldRecords) throws {
    let own = Set(held.pids.map(\.bytes))
    let clock = time.now
    try store.read { snapshot in
      let path = try path(in: snapshot)
      let now = path.moment(clock)
      try snapshot.scan(CaseTables.cases) { id, stored in
        let record = stored.message
        guard record.pids.contains(where: own.contains) else { return .next }
        var shown = try record.description(id: id, at: now, on: path)
        shown.pids.removeAll { !own.contains($0) }
        shown.requester = HeldRecords.capacity(of: shown.requester)
        if !shown.closedBy.isEmpty { shown.closedBy = HeldRecords.capacity(of: shown.closedBy) }
        for index in shown.approvals.indices {
          shown.approvals[index].approver = HeldRecords.capacity(
            of: shown.approvals[index].approver)
        }
        try held.add("cases", shown)
        return .next
      }
    }
  }
}
