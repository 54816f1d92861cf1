internal import DifferentialPrivacy
internal import Foundation
internal import PrivacyCore
package import RPC
package import TrainerAPI
internal import Transport

extension TrainerService {
  package func query(_ request: QueryRequest, context: CallContext) async throws -> QueryReply {
    let key = try BudgetKey(dataset: request.dataset, purpose: request.purpose)
    let scope = try requestedScope(request.scope)
    let asOf = try requestedTime(request.asOfUs)
    let question = try Self.question(request)
    let plan = try plan(
      spending: request.epsilon, from: key,
      on: [ReleasePlan.Part(dimension: max(1, request.keys.count))])
    let feature = try await feature(of: request, context: context)
    let reservation = try await ledger.reserve(
      plan, from: key, operation: Self.operation(request), mechanism: plan.text,
      principal: context.peer.spiffeID)
    let totals: ExactTotals
    do {
      var fold = CountFold(question, plan: plan)
      try await people.read(
        feature.name, asOf: asOf, scope: scope, purpose: key.purpose,
        options: CallOptions(for: context), into: &fold, progress: { _ in })
      totals = fold.finish()
    } catch {
      try await ledger.release(reservation)
      throw error
    }
    let noisy = try totals.release(reservation, random: random)
    try await ledger.settle(noisy.charge)
    return try reply(to: request, with: noisy)
  }

  private func reply(to request: QueryRequest, with noisy: NoisyTotals) throws -> QueryReply {
    let release = noisy.plan.releases[0]
    let keys = request.keys.isEmpty ? [""] : request.keys
    return QueryReply(
      counts: zip(keys, noisy.counts(ofPart: 0)).map { NoisyCount(key: $0, count: $1) },
      standardDeviation: release.multiplier,
      margin95: 1.959_963_984_540_054 * release.multiplier, epsilon: noisy.plan.epsilon,
      budget: try ledger.state(of: noisy.charge.budget).message())
  }

  private static func question(_ request: QueryRequest) throws(TrainerError) -> CountFold.Question {
    guard !request.keys.isEmpty else { return request.feature.isEmpty ? .people : .holders }
    guard !request.feature.isEmpty else {
      throw .badKeys("keys are counted of a feature: name it")
    }
    var bins: [String: Int] = [:]
    for (bin, key) in request.keys.enumerated() {
      guard bins.updateValue(bin, forKey: key) == nil else {
        throw .badKeys("key \(bin + 1) of the histogram is there already")
      }
    }
    return .values(bins)
  }

  private static func operation(_ request: QueryRequest) -> String {
    if request.feature.isEmpty { return "count:people" }
    return (request.keys.isEmpty ? "count:" : "histogram:") + request.feature
  }

  /// The feature that is counted; any of the data set where people are.
  private func feature(
    of request: QueryRequest, context: CallContext
  ) async throws -> FeatureCatalog.Feature {
    let catalog = try await people.catalog(options: CallOptions(for: context))
    guard !request.feature.isEmpty else { return try catalog.anyFeature(of: request.dataset) }
    let feature = try catalog.feature(request.feature, of: request.dataset)
    guard request.keys.isEmpty || ["string", "bool", "int"].contains(feature.type) else {
      throw TrainerError.wrongType(
        feature: feature.name, type: feature.type, wanted: "string, bool or int")
    }
    return feature
  }
}
