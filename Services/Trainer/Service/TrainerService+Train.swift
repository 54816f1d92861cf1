internal import DifferentialPrivacy
internal import Foundation
internal import PrivacyCore
package import RPC
internal import ServiceKit
package import TrainerAPI
internal import Transport

extension TrainerService {
  package func train(
    _ request: TrainRequest, replies: ReplyWriter<TrainProgress>, context: CallContext
  ) async throws {
    try await train(request, context: context) { try await replies.send($0) }
  }

  /// One training run. Until the noise is drawn it can fail at no cost; from then on the model is
  /// stored whether or not anybody still listens.
  package func train(
    _ request: TrainRequest, context: CallContext,
    send: (TrainProgress) async throws -> Void
  ) async throws {
    let run = try await prepare(request, context: context)
    let plan = run.plan
    let reservation = try await ledger.reserve(
      plan, from: run.key, operation: "train:\(request.name)", mechanism: plan.text,
      principal: context.peer.spiffeID)
    func report(_ stage: String, _ fraction: Double, model: Model? = nil) async throws {
      try await send(
        TrainProgress(
          stage: stage, fraction: fraction, epsilonCharged: plan.epsilon, model: model))
    }

    let learned: LearnedTotals
    do {
      var fold = PopularityFold(run.catalogue, cutDay: Int(run.asOf.day), plan: plan)
      try await report("reading", 0)
      try await people.read(
        run.feature, asOf: run.asOf, scope: run.scope, purpose: run.key.purpose,
        options: CallOptions(for: context), into: &fold
      ) { share in
        // Whole percents: the exact number of people is not for callers.
        try await report("reading", (share * 100).rounded(.down) / 100 * 0.7)
      }
      try await report("releasing", 0.7)
      learned = try fold.finish()
    } catch {
      try await ledger.release(reservation)
      throw error
    }
    let receiptsRoot = learned.receiptsRoot
    let noisy = try learned.intoTotals().release(reservation, random: random)
    try await ledger.settle(noisy.charge)

    let model = try run.model(
      from: noisy, receiptsRoot: receiptsRoot, at: time.now, random: random,
      principal: context.peer.spiffeID)
    try await save(run, noisy, as: model) { share in
      try? await report("building vectors", 0.75 + 0.25 * share)
    }
    try await report("done", 1, model: model.model)
  }

  /// What a request asks for, checked.
  private func prepare(_ request: TrainRequest, context: CallContext) async throws -> TrainingRun {
    let key = try BudgetKey(dataset: request.dataset, purpose: request.purpose)
    guard NameRule.accepts(request.name) else { throw TrainerError.badName("model") }
    let scope = try requestedScope(request.scope)
    let asOf = try requestedTime(request.asOfUs)
    let catalogue = try Catalogue(request.catalogue)
    let plan = try plan(
      spending: request.epsilon, from: key,
      on: PopularityFold.parts(
        itemCount: catalogue.items.count, peopleShare: configuration.peopleShare))
    let feature = try await people.catalog(options: CallOptions(for: context))
      .feature(request.historyFeature, of: request.dataset)
    guard feature.type == "tallies" else {
      throw TrainerError.wrongType(feature: feature.name, type: feature.type, wanted: "tallies")
    }
    return TrainingRun(
      name: request.name, key: key, delta: try ledger.state(of: key).record.delta,
      feature: feature.name, scope: scope, asOf: asOf, catalogue: catalogue, plan: plan)
  }

  /// Stores the items, then the model.
  private func save(
    _ run: TrainingRun, _ noisy: NoisyTotals, as record: ModelRecord,
    progress: (Double) async -> Void
  ) async throws {
    guard let model = record.model else { return }
    let items = run.catalogue.items
    let vectors = TextVectors(of: items.map(\.text))
    let popularity = noisy.signals(ofPart: 0)
    var number: UInt32 = 0
    for start in stride(from: 0, to: items.count, by: configuration.itemsPerChunk) {
      let end = min(start + configuration.itemsPerChunk, items.count)
      let chunk = ModelChunk(
        items: (start..<end).map { place in
          ModelItem(
            item: items[place].item, vector: vectors[place], popularity: Float(popularity[place]))
        })
      try await registry.save(chunk, number: number, of: model.modelID)
      number += 1
      await progress(Double(end) / Double(items.count))
    }
    try await registry.save(record)
  }
}
