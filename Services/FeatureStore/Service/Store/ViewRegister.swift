internal import FeaturesAPI
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import Synchronization

/// The views in force: in memory for every call, in the store for the next start.
final class ViewRegister: Sendable {
  private let store: SealedStore
  private let current: Mutex<ViewCatalog>

  /// The views that `store` holds.
  init(store: SealedStore) throws {
    self.store = store
    let views = try store.read { snapshot in try Self.views(in: snapshot) }
    current = Mutex(ViewCatalog(views))
  }

  /// The views in force now.
  var catalog: ViewCatalog { current.withLock { $0 } }

  /// Puts definitions in force, all or none; `record` writes what belongs into the same
  /// transaction.
  func apply(
    _ definitions: [FeatureView],
    record: @escaping @Sendable (ViewCatalog.Change, inout WriteTransaction) throws -> Void
  ) async throws -> ViewCatalog.Change {
    let change = try await store.write { transaction in
      let change = try ViewCatalog(Self.views(in: transaction)).applying(definitions)
      for view in change.applied {
        try transaction.put(FeatureTables.views, view.name, StoredMessage(view.message))
      }
      try record(change, &transaction)
      return change
    }.value
    // Two calls may come back in another order than they were committed in: the store decides.
    let views = try store.read { snapshot in try Self.views(in: snapshot) }
    current.withLock { current in
      let isNewer = views.allSatisfy { $0.version >= current.views[$0.name]?.version ?? 0 }
      if isNewer, views.count >= current.views.count { current = ViewCatalog(views) }
    }
    return change
  }

  private static func views(
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> [FeatureView] {
    var views: [FeatureView] = []
    try reader.scan(FeatureTables.views) { name, value in
      guard let view = FeatureView(value.message) else {
        throw StoreError.corrupted("view \(name) cannot be read")
      }
      views.append(view)
      return .next
    }
    return views
  }
}
