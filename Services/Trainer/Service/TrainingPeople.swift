package import FeaturesAPI
package import Gate
package import PrivacyCore
package import RPC

/// Reads people's features for learning: consent is asked for by the feature store, and again by
/// the trainer's own gate for each person, at the moment they are added.
package struct TrainingPeople: Sendable {
  private let features: FeaturesClient
  private let gate: Gate

  package init(features: FeaturesClient, gate: Gate) {
    self.features = features
    self.gate = gate
  }

  /// The views in force.
  package func catalog(options: CallOptions) async throws -> FeatureCatalog {
    FeatureCatalog(try await features.listViews(ListViewsRequest(), options: options).views)
  }

  /// Adds everybody who allows `scope` now to `fold`, batch by batch.
  ///
  /// - Parameter progress: is told how far it is, in 0...1.
  /// - Throws: `consentUnreachable` where the gate holds no lease or loses it: silently leaving everybody out
  ///   would spend the budget on nothing. `badTrainingSet` where somebody would count twice.
  package func read<Fold: PersonFold & ~Copyable>(
    _ feature: String, asOf: Timestamp, scope: Scope, purpose: String, options: CallOptions,
    into fold: inout Fold, progress: (Double) async throws -> Void
  ) async throws {
    guard gate.isLive else { throw TrainerError.consentUnreachable }
    let request = TrainingSetRequest(
      features: [feature], asOfUs: asOf.microseconds, scope: scope.description, purpose: purpose)
    var last: PseudonymousID?
    for try await batch in try await features.trainingSet(request, options: options) {
      for row in batch.rows {
        // People come in the order of their pids: that shows at no cost that each comes once.
        guard let pid = PseudonymousID(bytes: row.pid), last.map({ $0 < pid }) ?? true else {
          throw TrainerError.badTrainingSet
        }
        last = pid
        switch gate.admit(pid, scope: scope) {
        case .admitted(let proof): fold.add(row, under: proof)
        case .withheld(.noLease): throw TrainerError.consentUnreachable
        case .withheld: break
        }
      }
      guard batch.peopleTotal > 0 else { continue }
      try await progress(min(1, Double(batch.peopleSeen) / Double(batch.peopleTotal)))
    }
    // A feature store that wrongly withholds everybody sends nobody to ask the gate about.
    guard gate.isLive else { throw TrainerError.consentUnreachable }
  }
}
