internal import Cryptography
internal import Gate
internal import Logging
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import VectorIndex
internal import VectorsAPI

extension VectorSearchService {
  /// Opens the vectors of people with keys of the vault, page by page; waits for the vault where it
  /// is out of reach. Until then their collections are not searched.
  package func openPeople() async throws {
    for collection in library.collections where collection.isOpening {
      var after: PersonKey?
      while true {
        do {
          guard let last = try await openPage(after: after, of: collection) else { break }
          after = last
        } catch {
          try Task.checkCancellation()
          parts.log.warning(
            "the vectors of people wait for their keys",
            metadata: ["collection": "\(collection.name)", "reason": "\(error)"])
          try await parts.time.sleep(milliseconds: Self.retryMs)
        }
      }
      collection.finishOpening()
    }
  }

  private static let pageCount = 1_000
  private static let retryMs = 500

  /// Opens the vectors of some people behind `after`; gives the last key looked at, `nil` when
  /// there are no more.
  private func openPage(
    after: PersonKey?, of collection: LiveCollection
  ) async throws -> PersonKey? {
    let range = after.map { KeyRange<PersonKey>.after($0) } ?? .all
    let page = try store.read { snapshot in
      try snapshot.keys(VectorTables.people, range, limit: Self.pageCount)
    }
    guard let last = page.last else { return nil }
    let wanted = page.filter { $0.second == collection.name }
    let keys = try await parts.keys.subjectKeys(of: wanted.map(\.first))
    try store.read { snapshot in
      for key in wanted {
        // Whoever was forgotten has no key; the erasure is on its way.
        guard let subjectKey = keys[key.first],
          let stored = try snapshot.get(VectorTables.people, key, under: subjectKey),
          stored.message.values.count == collection.index.dimension
        else { continue }
        collection.open(key.first.bytes, stored.message.values, at: snapshot.sequence)
      }
    }
    return last
  }
}
