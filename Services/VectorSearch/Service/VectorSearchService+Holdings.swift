package import CommonAPI
internal import Cryptography
internal import DynamicMessages
internal import Gate
internal import PrivacyCore
package import RPC
internal import Renaming
internal import SealedStore
package import ServiceKit
internal import StoredMessages
internal import VectorsAPI

extension VectorTables {
  /// What a person is told of each table.
  package static let holdings: [String: HoldingsCoverage] = ofItsOwn.merging(
    HoldingsCoverage.renaming(within: "vectors.vectors"), uniquingKeysWith: { own, _ in own })

  private static let ofItsOwn: [String: HoldingsCoverage] = [
    collections.name: .within(
      "vectors.vectors", because: "each vector stands with its collection's scope"),
    items.name: .notAboutPeople(because: "vectors of items, which are public"),
    people.name: .section("vectors.vectors"),
    tombstones.name: .section("vectors.tombstone"),
    positions.name: .notAboutPeople(because: "how far the service has come in the consent log"),
    "erasures": .section("vectors.erasure"),
  ]
}

extension VectorSearchService {
  package func holdings(
    _ request: HoldingsRequest, replies: ReplyWriter<HoldingsChunk>, context: CallContext
  ) async throws {
    try await holdings(request, context: context) { try await replies.send($0) }
  }

  /// Everything about a person, piece by piece. Reads past the gate: the right of access needs no
  /// consent.
  package func holdings(
    _ request: HoldingsRequest, context: CallContext, send: (HoldingsChunk) async throws -> Void
  ) async throws {
    let answer = HoldingsAnswer(of: .vectors, audit: audit, time: parts.time)
    try await answer.answer(request, context: context, send: send) { held in
      try held.remark(
        """
        Recommendations are worked out when they are asked for, and not kept; that they were given \
        stands in the log.
        """)
      let keys = try await parts.keys.subjectKeys(of: held.pids)
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
    _ held: inout HeldRecords, in snapshot: borrowing ReadSnapshot
  ) throws {
    let name: [(name: String, value: JSONValue)] = [("pid", .pid(pid))]
    if let sequence = try snapshot.get(VectorTables.tombstones, pid) {
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
    for rowKey in try snapshot.keys(VectorTables.people, .prefix(place)) {
      let collection = try snapshot.get(VectorTables.collections, rowKey.second)?.message.collection
      let rowName =
        name + [
          ("collection", .string(rowKey.second)), ("scope", .string(collection?.scope ?? "")),
        ]
      var stored: StoredMessage<StoredVector>?
      if let key {
        do {
          stored = try snapshot.get(VectorTables.people, rowKey, under: key)
        } catch StoreError.unreadable {
          // Sealed under a key that is destroyed.
        }
      }
      guard let stored else {
        try held.add("unreadable", rowName)
        continue
      }
      try held.add("vectors", key: rowName, stored.message)
    }
  }
}
