internal import AuditLog
package import FeaturesAPI
package import RPC
internal import Transport

extension FeatureStoreService {
  package func applyViews(
    _ request: ApplyViewsRequest, context: CallContext
  ) async throws -> ApplyViewsReply {
    let definitions: [FeatureView]
    do throws(DefinitionError) {
      definitions = try ViewParser.views(yaml: request.yaml)
    } catch {
      throw FeatureStoreError.badDefinition(error)
    }
    do {
      let change = try await views.apply(definitions) { [audit] change, transaction in
        guard !change.applied.isEmpty else { return }
        try audit.append(
          AuditEntry(
            principal: context.peer.spiffeID, action: "features.apply_views",
            details: change.applied.map { ("view", "\($0.name) v\($0.version)") }),
          in: &transaction)
      }
      return ApplyViewsReply(
        applied: change.applied.map(\.name), unchanged: change.unchanged.map(\.name))
    } catch let conflict as ViewConflict {
      throw FeatureStoreError.conflictingDefinition(conflict)
    }
  }

  package func listViews(
    _ request: ListViewsRequest, context: CallContext
  ) async throws -> ListViewsReply {
    ListViewsReply(
      views: views.catalog.views.values.sorted { $0.name < $1.name }.map(\.message))
  }
}
