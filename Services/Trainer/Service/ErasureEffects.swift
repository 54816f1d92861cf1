package import AuditLog
internal import ConsentVerifier
package import Gate
package import PrivacyCore
package import SealedStore
internal import TrainerAPI

/// What an erasure does to the trainer: nothing goes, because nothing is kept by person. It says so,
/// and which models there are, each of which can tell of anybody at most what its (ε, δ) allows.
package struct ErasureEffects: GateEffects {
  private let store: SealedStore
  private let registry: ModelRegistry
  private let erasures: ErasureBook

  package init(service: String, store: SealedStore, audit: AuditLog, time: any TimeSource) {
    self.store = store
    registry = ModelRegistry(store: store, audit: audit)
    erasures = ErasureBook(service: service, store: store, audit: audit, time: time)
  }

  package func apply(_ changes: [ConsentChange], epoch: UInt64) async throws {
    // At each start all come again; most are known.
    let fresh = try changes.filter {
      try $0.kind == .erasure && !erasures.knows($0.pid, at: $0.sequence)
    }
    guard !fresh.isEmpty else { return }
    try await store.write { transaction in
      for change in fresh {
        try erasures.note(change.pid, at: change.sequence, removed: 0, in: &transaction)
      }
    }
  }

  package func statement(
    of pid: PseudonymousID, erasedAt sequence: LogSequenceNumber
  ) async throws -> [UInt8] {
    let models = try registry.mentions()
    return try erasures.statement(of: pid, at: sequence, models: models) { _ in 0 }
  }
}

extension ModelRegistry {
  /// The models as certificates of erasure name them, newest first.
  fileprivate func mentions() throws -> [ModelMention] {
    try records().compactMap { record in
      guard let model = record.model else { return nil }
      return ModelMention(
        id: model.modelID, scope: record.manifest?.scope ?? "", madeAtUs: model.createdAtUs,
        epsilon: model.epsilon, delta: model.delta)
    }
  }
}
