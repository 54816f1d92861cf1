package import ReflectionAPI
package import RPC
internal import WireFormat

/// Answers `tacit.reflection.v1.Reflection` for whichever services it stands beside.
package struct ReflectionService: ReflectionServing {
  private let reply: SchemaReply

  /// Tells of the services whose methods `router` answers, and of itself.
  package init(beside router: Router) {
    let names = router.methods.compactMap { $0.name.split(separator: "/").first }.map(String.init)
    let own = ReflectionMethods.schema.name.split(separator: "/").prefix(1).map(String.init)
    reply = SchemaReply(
      descriptorSet: EmbeddedSchema.descriptorSet, services: Set(names + own).sorted())
  }

  package func schema(_ request: SchemaRequest, context: CallContext) async throws -> SchemaReply {
    reply
  }
}
