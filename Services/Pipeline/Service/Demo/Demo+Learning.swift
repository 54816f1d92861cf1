internal import Foundation
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import TrainerAPI
internal import VectorsAPI

extension DemoRun {
  /// Opens the budget, asks two questions, trains, publishes, and tries to overspend.
  func train(_ task: RecommendationTask) async throws {
    let trainer = TrainerClient(try client(.trainer, as: "analyst-dev"))
    _ = try await trainer.createBudget(
      CreateBudgetRequest(
        dataset: Self.source, purpose: Self.purpose, epsilonLimit: settings.epsilonLimit,
        delta: settings.delta))
    try await askQuestions(trainer, asOf: task.cut)

    let bar = ProgressBar("learning")
    var model: Model?
    let progress = try await trainer.train(
      TrainRequest(
        name: "recommender", dataset: Self.source, purpose: Self.purpose,
        historyFeature: Self.historyFeature, scope: "analytics",
        epsilon: settings.epsilonTraining, asOfUs: task.cut.microseconds,
        catalogue: task.catalogue.map { CatalogueItem(item: $0.item, text: $0.text) }),
      options: CallOptions(timeoutMs: 600_000))
    for try await message in progress {
      bar.update(message.fraction, note: message.stage)
      if let finished = message.model { model = finished }
    }
    bar.finish()
    guard let model else { throw CommandFailure("the trainer ended without a model") }
    _ = try await VectorsClient(try client(.vectors, as: "pipeline")).publish(
      PublishRequest(model: model.modelID, collection: Self.collection),
      options: CallOptions(timeoutMs: 120_000))

    report.overspendRefused = await isOverspendingRefused(trainer, asOf: task.cut)
    let budget = try await trainer.showBudget(
      ShowBudgetRequest(dataset: Self.source, purpose: Self.purpose))
    report.epsilonSpent = budget.epsilonSpent
    report.epsilonLimit = budget.epsilonLimit
    report.delta = budget.delta
  }

  private func askQuestions(_ trainer: TrainerClient, asOf: Timestamp) async throws {
    let count = try await trainer.query(
      QueryRequest(
        dataset: Self.source, purpose: Self.purpose, feature: "purchases:lines_90d",
        epsilon: settings.epsilonQuery, asOfUs: asOf.microseconds, scope: "analytics"),
      options: CallOptions(timeoutMs: 300_000))
    report.noisyCustomers = count.counts.first?.count ?? 0
    report.noisyCustomersMargin = count.margin95
    let countries = try await trainer.query(
      QueryRequest(
        dataset: Self.source, purpose: Self.purpose, feature: "purchases:country",
        keys: ["United Kingdom", "Germany", "France", "EIRE", "Spain", "Netherlands"],
        epsilon: settings.epsilonQuery, asOfUs: asOf.microseconds, scope: "analytics"),
      options: CallOptions(timeoutMs: 300_000))
    for count in countries.counts { report.noisyCountries[count.key] = count.count }
  }

  private func isOverspendingRefused(_ trainer: TrainerClient, asOf: Timestamp) async -> Bool {
    do {
      _ = try await trainer.query(
        QueryRequest(
          dataset: Self.source, purpose: Self.purpose, feature: "purchases:lines_90d",
          epsilon: settings.epsilonLimit, asOfUs: asOf.microseconds, scope: "analytics"))
      return false
    } catch {
      return error.code == .resourceExhausted
    }
  }
}
