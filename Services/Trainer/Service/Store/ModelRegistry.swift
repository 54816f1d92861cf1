package import AuditLog
internal import PrivacyCore
package import SealedStore
internal import StoredMessages
package import TrainerAPI

/// The models there are. A model's row is written after all of its items, so that a model that is
/// found is whole.
package struct ModelRegistry: Sendable {
  /// The most models in one list.
  package static let listCountMax = 1_000

  private let store: SealedStore
  private let audit: AuditLog

  package init(store: SealedStore, audit: AuditLog) {
    self.store = store
    self.audit = audit
  }

  // MARK: Writing

  /// Stores some items of a model that is not there yet.
  package func save(_ chunk: ModelChunk, number: UInt32, of modelID: String) async throws {
    try await store.write { transaction in
      try transaction.put(
        TrainerTables.modelItems, KeyPair(modelID, number), StoredMessage(chunk))
    }
  }

  /// Stores the model; from here on it is found.
  package func save(_ record: ModelRecord) async throws {
    guard let model = record.model else { throw TrainerError.unknownModel }
    try await store.write { transaction in
      try transaction.put(TrainerTables.models, model.modelID, StoredMessage(record))
      try transaction.put(
        TrainerTables.modelNames, KeyPair(model.name, model.modelID), EmptyValue())
      try audit.append(
        AuditEntry(
          principal: model.principal, action: "trainer.model", purpose: model.purpose,
          details: [
            ("model", model.modelID), ("name", model.name), ("dataset", model.dataset),
            ("epsilon", "\(model.epsilon)"), ("delta", "\(model.delta)"),
            ("receipts_root", Hexadecimal.encode(model.receiptsRoot)),
            ("manifest_hash", Hexadecimal.encode(model.manifestHash)),
          ]), in: &transaction)
    }
  }

  /// Removes items whose model never came about because the program was killed.
  package func removeUnfinished() async throws {
    try await store.write { transaction in
      for key in try transaction.keys(TrainerTables.modelItems)
      where try !transaction.contains(TrainerTables.models, key.first) {
        try transaction.delete(TrainerTables.modelItems, key)
      }
    }
  }

  // MARK: Reading

  /// The model with this id, or the newest of this name.
  package func model(_ idOrName: String) throws -> Model {
    try store.read { snapshot in
      let newest = try snapshot.keys(
        TrainerTables.modelNames, .prefix(idOrName), reverse: true, limit: 1
      ).first
      guard
        let record = try snapshot.get(TrainerTables.models, newest?.second ?? idOrName)?.message,
        let model = record.model
      else { throw TrainerError.unknownModel }
      return model
    }
  }

  /// The models, newest first.
  package func models() throws -> [Model] { try records().compactMap(\.model) }

  /// The models with what they were made of, newest first.
  package func records() throws -> [ModelRecord] {
    try store.read { snapshot in
      try snapshot.rows(TrainerTables.models, reverse: true, limit: Self.listCountMax)
        .map(\.value.message)
    }
  }

  /// The chunk `number` of a model's items, or `nil` behind the last.
  package func chunk(_ number: UInt32, of modelID: String) throws -> ModelChunk? {
    try store.read { snapshot in
      try snapshot.get(TrainerTables.modelItems, KeyPair(modelID, number))?.message
    }
  }

  /// How many models there are.
  package func count() throws -> Int { try store.read { try $0.count(TrainerTables.models) } }
}
