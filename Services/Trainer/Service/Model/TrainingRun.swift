internal import Cryptography
package import PrivacyCore
internal import ServiceKit
package import TrainerAPI

/// A training run whose request was found in order.
package struct TrainingRun: Sendable {
  package let name: String
  package let key: BudgetKey
  package let delta: Double
  package let feature: String
  package let scope: Scope
  package let asOf: Timestamp
  package let catalogue: Catalogue
  package let plan: ReleasePlan

  /// The model that came out of it, with its lineage.
  ///
  /// - Parameter receiptsRoot: over the receipts under which people are in it.
  package func model(
    from noisy: NoisyTotals, receiptsRoot: [UInt8], at now: Timestamp, random: any RandomSource,
    principal: String
  ) throws -> ModelRecord {
    let manifest = try manifest()
    let model = Model(
      modelID: "m_\(ULID(at: now, random: random))", name: name, createdAtUs: now.microseconds,
      dataset: key.dataset, purpose: key.purpose,
      peopleNoisy: max(0, noisy.counts(ofPart: 1).first ?? 0),
      itemCount: UInt32(catalogue.items.count), dimension: UInt32(TextVectors.dimension),
      epsilon: plan.epsilon, delta: delta,
      mechanisms: [
        "popularity of items: \(PurchasePopularity.algorithm), \(plan.releases[0].text)",
        "number of people: \(plan.releases[1].text)",
        "item vectors: public texts only, costs nothing",
      ],
      receiptsRoot: receiptsRoot, manifestHash: try Digest.sha256(manifest.packed()),
      asOfUs: asOf.microseconds, principal: principal, codeVersion: TacitVersion.text)
    return ModelRecord(model: model, manifest: manifest)
  }

  private func manifest() throws -> TrainingManifest {
    TrainingManifest(
      algorithm: PurchasePopularity.algorithm, dataset: key.dataset, purpose: key.purpose,
      historyFeature: feature, scope: scope.description, asOfUs: asOf.microseconds,
      catalogueHash: try catalogue.digest(), epsilon: plan.epsilon, delta: delta,
      decayDays: PurchasePopularity.decayDays, repeatWeight: PurchasePopularity.repeatWeight,
      clippingNorm: PurchasePopularity.clippingNorm, textDimension: UInt32(TextVectors.dimension))
  }
}
