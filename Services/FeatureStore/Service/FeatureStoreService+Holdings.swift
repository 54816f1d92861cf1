package import CommonAPI
internal import Cryptography
internal import DynamicMessages
internal import FeaturesAPI
internal import Gate
internal import PrivacyCore
package import RPC
internal import Renaming
internal import SealedStore
package import ServiceKit
internal import StoredMessages

extension FeatureTables {
  /// What a person is told of each table.
  package static let holdings: [String: HoldingsCoverage] = ofItsOwn.merging(
    HoldingsCoverage.renaming(within: "features.person"), uniquingKeysWith: { own, _ in own })

  private static let ofItsOwn: [String: HoldingsCoverage] = [
    views.name: .section("features.views"),
    events.name: .section("features.events"),
    rows.name: .section("features.rows"),
    people.name: .section("features.person"),
    tombstones.name: .section("features.tombstone"),
    positions.name: .notAboutPeople(because: "how far the service has come in the consent log"),
    "erasures": .section("features.erasure"),
  ]
}

extension FeatureStoreService {
  package func holdings(
    _ request: HoldingsRequest, replies: ReplyWriter<HoldingsChunk>, context: CallContext
  ) async throws {
    try await holdings(request, context: context) { try await replies.send($0) }
  }

  /// Everything about a person, piece by piece. Reads past the gate: the right of access needs no
  /// consent, and what is withheld from everybody else is the person's all the same.
  package func holdings(
    _ request: HoldingsRequest, context: CallContext, send: (HoldingsChunk) async throws -> Void
  ) async throws {
    let answer = HoldingsAnswer(of: .features, audit: audit, time: time)
    try await answer.answer(request, context: context, send: send) { held in
      try held.remark(
        """
        Sums, counts and other aggregates are worked out from the events when they are asked for. \
        They are in memory for a while, and not kept.
        """)
      let keys = try await keys.subjectKeys(of: held.pids)
      try store.read { snapshot in
        var seen: Set<PseudonymousID> = []
        for pid in held.pids {
          let place = try places.place(of: pid, in: snapshot)
          try gather(
            pid, at: seen.insert(place).inserted ? place : nil, under: keys[pid], &held,
            in: snapshot)
        }
      }
    }
  }

  /// - Parameter place: where the rows stand; `nil` where they were gathered already.
  private func gather(
    _ pid: PseudonymousID, at place: PseudonymousID?, under key: SealingKey?,
    _ held: inout HeldRecords,
    in snapshot: borrowing ReadSnapshot
  ) throws {
    let name: [(name: String, value: JSONValue)] = [("pid", .pid(pid))]
    if let place, try snapshot.contains(FeatureTables.people, place) {
      try held.add("person", name)
    }
    if let sequence = try snapshot.get(FeatureTables.tombstones, pid) {
      try held.add("tombstone", name + [("erasure_sequence", .number("\(sequence)"))])
    }
    if let erasure = try ErasureTables.erasure(of: pid, in: snapshot) {
      try held.add(
        "erasure",
        name + [
          ("erasure_sequence", .number("\(erasure.sequence)")),
          ("rows_removed", .number("\(erasure.removed)")),
        ])
    }
    guard let place else { return }
    let events = try snapshot.keys(FeatureTables.events, .prefix(place))
    let rows = try snapshot.keys(FeatureTables.rows, .prefix(place))
    let catalog = views.catalog
    let sources = Set(events.map(\.second))
    let written = Set(rows.map(\.second))
    for view in catalog.views.values.sorted(by: { $0.name < $1.name })
    where written.contains(view.name) || view.source.map(sources.contains) == true {
      try held.add("views", view.message)
    }
    for rowKey in rows {
      guard let row = try opened(FeatureTables.rows, rowKey, under: key, in: snapshot) else {
        try unreadable(pid, "row", of: rowKey.second, &held)
        continue
      }
      try held.add(
        "rows",
        key: name + [
          ("view", .string(rowKey.second)), ("event_time_us", .time(rowKey.third.microseconds)),
        ], row.message)
    }
    for chunkKey in events {
      guard let chunk = try opened(FeatureTables.events, chunkKey, under: key, in: snapshot) else {
        try unreadable(pid, "events", of: chunkKey.second, &held)
        continue
      }
      for event in try chunk.message.series().events(of: pid) {
        try held.add("events", key: [("source", .string(chunkKey.second))], event)
      }
    }
  }

  /// The row of a key; `nil` where the person's key does not open it, because it was sealed under one
  /// that is destroyed.
  private func opened<Key, Row>(
    _ table: StoreTable<Key, Row>, _ rowKey: Key, under key: SealingKey?,
    in snapshot: borrowing ReadSnapshot
  ) throws -> Row? {
    guard let key else { return nil }
    do {
      return try snapshot.get(table, rowKey, under: key)
    } catch StoreError.unreadable {
      return nil
    }
  }

  private func unreadable(
    _ pid: PseudonymousID, _ what: String, of name: String, _ held: inout HeldRecords
  ) throws {
    try held.add(
      "unreadable", [("pid", .pid(pid)), ("what", .string(what)), ("of", .string(name))])
  }
}

extension EventSeries {
  /// The events as their writer sent them.
  fileprivate func events(of pid: PseudonymousID) -> [Event] {
    let names = columns.keys.sorted()
    return (0..<count).map { index in
      var consentID = ""
      if case .string(let id)? = consentIDs.value(at: index) { consentID = id }
      return Event(
        pid: pid.bytes, consentID: consentID, eventID: ids[index], eventTimeUs: times[index],
        fields: names.compactMap { name in
          columns[name]?.value(at: index).map { Field(name: name, value: $0.message) }
        })
    }
  }
}
