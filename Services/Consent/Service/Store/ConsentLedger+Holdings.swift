internal import ConsentAPI
internal import DynamicMessages
internal import PrivacyCore
internal import SealedStore
package import ServiceKit
internal import StoredMessages

extension ConsentTables {
  /// What a person is told of each table.
  package static let holdings: [String: HoldingsCoverage] = [
    receipts.name: .section("consent.receipts"),
    positions.name: .within("consent.receipts", because: "the place of each receipt by its id"),
    history.name: .within("consent.receipts", because: "where each receipt is logged"),
    people.name: .section("consent.standing"),
    erasures.name: .section("consent.erasures"),
    settings.name: .notAboutPeople(because: "numbers of the service's own settings"),
    requests.name: .section("consent.requests"),
    requestOrder.name: .within("consent.requests", because: "the same in order"),
    purposes.name: .notAboutPeople(because: "what purposes mean, for everybody"),
    notices.name: .notAboutPeople(because: "what is told to everybody"),
    webhooks.name: .section("consent.recipients"),
    deadLetters.name: .section("consent.dead_letters"),
    earlierStates.name: .section("consent.earlier_standings"),
    names.name: .within("consent.receipts", because: "whom a former pid means: a renaming says so"),
    retiredNames.name: .within(
      "consent.receipts", because: "which former pids are nobody's: a renaming says whose they were"
    ),
  ]
}

extension ConsentLedger {
  /// The pids under which people are kept whom `pids` mean, each once, and all the pids that they had
  /// before.
  func people(
    _ pids: [PseudonymousID]
  ) throws -> (pids: [PseudonymousID], formers: Set<PseudonymousID>) {
    try store.read { snapshot in
      var people: [PseudonymousID] = []
      var formers: Set<PseudonymousID> = []
      for pid in pids {
        let pid = try names.current(pid, in: snapshot)
        guard !people.contains(pid) else { continue }
        people.append(pid)
        formers.formUnion(try Self.formerPids(of: pid, in: snapshot))
      }
      return (people, formers)
    }
  }

  /// The pids that a person had before, the oldest first.
  static func formerPids(
    of pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> [PseudonymousID] {
    try (state(of: pid, in: reader)?.renamings ?? []).compactMap { position in
      PseudonymousID(bytes: try receipt(at: position, in: reader).formerPid)
    }
  }

  /// Adds everything that the tables hold of the people asked for, as of one moment. Walks over the
  /// answered requests, the erasures and the dead letters, which are few.
  func gather(_ held: inout HeldRecords, of people: [PseudonymousID]) throws {
    try store.read { snapshot in
      var sequences: Set<UInt64> = []
      for pid in people {
        // Who was renamed since these were looked up is found under the new pid.
        let pid = try names.current(pid, in: snapshot)
        sequences.formUnion(try Self.gather(pid, &held, in: snapshot))
      }
      try snapshot.scan(ConsentTables.erasures) { sequence, stored in
        guard sequences.contains(sequence) else { return .next }
        try held.add("erasures", key: [("sequence", .number("\(sequence)"))], stored.message)
        return .next
      }
      try snapshot.scan(ConsentTables.requests) { _, stored in
        var request = stored.message
        // One request may have recorded something of several people.
        request.sequences.removeAll { !sequences.contains($0) }
        guard !request.sequences.isEmpty else { return .next }
        request.created = []
        try held.add("requests", request)
        return .next
      }
      try Self.gatherRecipients(of: sequences, &held, in: snapshot)
    }
  }

  /// Adds what is kept under a pid; answers the positions of its receipts.
  private static func gather(
    _ pid: PseudonymousID, _ held: inout HeldRecords, in snapshot: borrowing ReadSnapshot
  ) throws -> [UInt64] {
    var sequences: [UInt64] = []
    try snapshot.scan(ConsentTables.history, .prefix(pid)) { key, place in
      sequences.append(key.second)
      let receipt = try receipt(at: key.second, in: snapshot)
      let entry = place.index.map { JSONValue.number("\($0)") } ?? .null
      try held.add("receipts", key: [("log_entry", entry)], receipt)
      return .next
    }
    if let state = try state(of: pid, in: snapshot) {
      try held.add("standing", key: [("pid", .pid(pid))], state)
    }
    try snapshot.scan(ConsentTables.earlierStates, .prefix(pid)) { key, stored in
      try held.add("earlier_standings", key: [("pid", .pid(pid))], stored.message)
      return .next
    }
    return sequences
  }

  /// Adds which systems outside have been told of the person's receipts, and which could not be.
  private static func gatherRecipients(
    of sequences: Set<UInt64>, _ held: inout HeldRecords, in snapshot: borrowing ReadSnapshot
  ) throws {
    guard !sequences.isEmpty else { return }
    for (id, stored) in try snapshot.rows(ConsentTables.webhooks) {
      let progress = stored.message
      guard let webhook = progress.webhook else { continue }
      let dead = Set(
        try snapshot.keys(ConsentTables.deadLetters, .prefix(id)).map(\.second)
          .filter(sequences.contains))
      let told = sequences.filter {
        $0 > webhook.afterSequence && $0 <= progress.settledSequence && !dead.contains($0)
      }
      if !told.isEmpty {
        try held.add(
          "recipients",
          [
            ("system", .string(id)), ("url", .string(webhook.url)),
            ("receipt_sequences", .array(told.sorted().map { .number("\($0)") })),
          ])
      }
      for sequence in dead.sorted() {
        guard let letter = try snapshot.get(ConsentTables.deadLetters, KeyPair(id, sequence))
        else { continue }
        try held.add(
          "dead_letters",
          key: [("system", .string(id)), ("receipt_sequence", .number("\(sequence)"))],
          letter.message)
      }
    }
  }
}
