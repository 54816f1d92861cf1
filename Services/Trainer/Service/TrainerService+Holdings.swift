package import CommonAPI
internal import DynamicMessages
internal import Gate
internal import PrivacyCore
package import RPC
internal import SealedStore
package import ServiceKit
internal import StoredMessages
internal import TrainerAPI

extension TrainerTables {
  /// What a person is told of each table.
  package static let holdings: [String: HoldingsCoverage] = [
    budgets.name: .section("trainer.budgets"),
    standings.name: .within("trainer.budgets", because: "what was spent stands with each budget"),
    entries.name: .within("trainer.budgets", because: "charges for many people at once"),
    outcomes.name: .within("trainer.budgets", because: "what became of the charges"),
    models.name: .section("trainer.models"),
    modelNames.name: .within("trainer.models", because: "the models by name"),
    modelItems.name: .notAboutPeople(because: "noisy sums over everybody, for each public item"),
    "erasures": .section("trainer.erasure"),
  ]
}

extension TrainerService {
  package func holdings(
    _ request: HoldingsRequest, replies: ReplyWriter<HoldingsChunk>, context: CallContext
  ) async throws {
    try await holdings(request, context: context) { try await replies.send($0) }
  }

  /// Everything about a person, piece by piece: what was learned from many, since nothing is kept
  /// by person.
  package func holdings(
    _ request: HoldingsRequest, context: CallContext, send: (HoldingsChunk) async throws -> Void
  ) async throws {
    let answer = HoldingsAnswer(of: .trainer, audit: ledger.audit, time: time)
    try await answer.answer(request, context: context, send: send) { held in
      try held.remark(
        """
        Nothing is kept here by person: no list of who was in a model, and none of a person's data. \
        A person may be in a model if a receipt in force allowed its scope at its as_of time; the \
        model holds one hash over all receipts used, from which no single one can be read. What a \
        model can give away about anybody in it is bounded by its epsilon and delta.
        """)
      try gather(&held)
    }
  }

  private func gather(_ held: inout HeldRecords) throws {
    try ledger.store.read { snapshot in
      try snapshot.scan(TrainerTables.models) { _, stored in
        guard var model = stored.message.model else { return .next }
        // Who of the employees asked for it is not the person's.
        model.principal = ""
        let scope = stored.message.manifest?.scope ?? ""
        try held.add("models", key: [("scope", .string(scope))], model)
        return .next
      }
      for pid in held.pids {
        guard let erasure = try ErasureTables.erasure(of: pid, in: snapshot) else { continue }
        try held.add(
          "erasure",
          [
            ("pid", .pid(pid)), ("erasure_sequence", .number("\(erasure.sequence)")),
            ("rows_removed", .number("\(erasure.removed)")),
          ])
      }
    }
    for state in try ledger.states() { try held.add("budgets", state.message()) }
  }
}
