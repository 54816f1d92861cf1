package import ConsentAPI
package import PrivacyCore
internal import Cryptography
package import SealedStore
internal import StoredMessages
internal import Synchronization

/// The purposes and notices of the store, in memory, and the rules that follow from them.
package final class CatalogRegister: Sendable {
  /// What holds at one moment.
  package struct Current: Sendable {
    package let catalog: ConsentCatalog
    package let rules: ReceiptRules

    init(_ catalog: ConsentCatalog) {
      self.catalog = catalog
      rules = ReceiptRules(known: catalog.knownScopes)
    }
  }

  private let state: Mutex<Current>
  private let queue = WriteTurn()

  /// Reads what the store holds beside the scopes of the configuration.
  ///
  /// - Throws: `tooManyScopes` where the configuration and the purposes are too many together.
  package init(scopes: [Scope], store: SealedStore) throws {
    var catalog = ConsentCatalog(scopes: scopes)
    try store.read { snapshot in
      try snapshot.scan(ConsentTables.purposes) { _, stored in
        catalog.record(stored.message)
        return .next
      }
      try snapshot.scan(ConsentTables.notices) { _, stored in
        catalog.record(stored.message)
        return .next
      }
    }
    guard catalog.knownScopes.count <= ReceiptRules.scopeCountMax else {
      throw ReceiptRefusal.tooManyScopes(limit: ReceiptRules.scopeCountMax)
    }
    state = Mutex(Current(catalog))
  }

  /// What holds now.
  package var current: Current { state.withLock { $0 } }

  /// Records the next version of a purpose.
  package func add(
    _ purpose: Purpose, at now: Timestamp,
    store: SealedStore, audit: @escaping @Sendable (inout WriteTransaction) throws -> Void
  ) async throws -> (purpose: Purpose, isNew: Bool) {
    try await queue.take {
      var (next, isNew) = try self.current.catalog.next(purpose)
      guard isNew else { return (next, false) }
      next.recordedAtUs = now.microseconds
      let row = next
      try await store.write { transaction in
        try transaction.put(
          ConsentTables.purposes, KeyPair(row.id, row.version), StoredMessage(row))
        try audit(&transaction)
      }
      self.change { $0.record(row) }
      return (row, true)
    }
  }

  /// Records the next version of a notice, with the hashes of its texts.
  package func add(
    _ notice: Notice, at now: Timestamp,
    store: SealedStore, audit: @escaping @Sendable (inout WriteTransaction) throws -> Void
  ) async throws -> (notice: Notice, isNew: Bool) {
    var hashed = notice
    for index in hashed.texts.indices {
      hashed.texts[index].textHash = try Digest.sha256(Array(hashed.texts[index].text.utf8))
    }
    let wanted = hashed
    return try await queue.take {
      var (next, isNew) = try self.current.catalog.next(wanted)
      guard isNew else { return (next, false) }
      next.recordedAtUs = now.microseconds
      let row = next
      try await store.write { transaction in
        try transaction.put(
          ConsentTables.notices, KeyPair(row.id, row.version), StoredMessage(row))
        try audit(&transaction)
      }
      self.change { $0.record(row) }
      return (row, true)
    }
  }

  private func change(_ body: (inout ConsentCatalog) -> Void) {
    state.withLock { state in
      var catalog = state.catalog
      body(&catalog)
      state = Current(catalog)
    }
  }
}

/// Lets one caller after the other in, in the order they came.
private actor WriteTurn {
  private var last: Task<Void, Never>?

  func take<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let earlier = last
    let turn = Task {
      await earlier?.value
      return try await body()
    }
    last = Task { _ = await turn.result }
    return try await turn.value
  }
}
