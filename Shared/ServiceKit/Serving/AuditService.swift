package import AuditAPI
package import AuditLog
package import RPC
internal import TransparencyLog

/// Answers `tacit.audit.v1.Audit`: a service's log for whoever wants to check it.
package struct AuditService: AuditServing {
  private let audit: AuditLog

  /// Shows `audit`, which must have a key to sign with.
  package init(audit: AuditLog) { self.audit = audit }

  package func checkpoint(
    _ request: CheckpointRequest, context: CallContext
  ) async throws -> CheckpointReply {
    let newest = try request.cosigned ? audit.newestCosigned() : audit.newestCheckpoint()
    guard let newest else { throw RPCError(.notFound, "there is no such checkpoint yet") }
    return CheckpointReply(note: newest.note.encoded, key: try audit.verifyingKey().text())
  }

  package func tile(_ request: TileRequest, context: CallContext) async throws -> TileReply {
    let tile = try TileCoordinate(
      .hashes(level: Int(request.level)), index: request.index, width: Int(request.width))
    return TileReply(hashes: TileCoding.encode(try audit.tile(tile)))
  }

  package func entries(
    _ request: EntriesRequest, context: CallContext
  ) async throws -> EntriesReply {
    let tile = try TileCoordinate(.entries, index: request.index, width: Int(request.width))
    return EntriesReply(bundle: try TileCoding.encode(entries: audit.leaves(of: tile)))
  }

  package func proveInclusion(
    _ request: ProveInclusionRequest, context: CallContext
  ) async throws -> ProveInclusionReply {
    var reply = ProveInclusionReply(treeSize: request.treeSize)
    let checkpoint =
      request.treeSize == 0
      ? try audit.newestCheckpoint() : try audit.checkpoint(ofSize: request.treeSize)
    if let checkpoint {
      reply.treeSize = checkpoint.treeSize
      reply.note = checkpoint.note.encoded
    }
    let proof = try audit.inclusionProof(index: request.index, treeSize: reply.treeSize)
    reply.path = proof.path.map(\.bytes)
    reply.leaf = try audit.leaf(at: request.index)
    return reply
  }

  package func proveConsistency(
    _ request: ProveConsistencyRequest, context: CallContext
  ) async throws -> ProveConsistencyReply {
    let proof = try audit.consistencyProof(oldSize: request.oldSize, newSize: request.newSize)
    return ProveConsistencyReply(path: proof.path.map(\.bytes))
  }

  package func cosign(_ request: CosignRequest, context: CallContext) async throws -> CosignReply {
    let signature = try NoteSignature(line: request.signature)
    let count = try await audit.cosign(treeSize: request.treeSize, signature: signature)
    return CosignReply(cosignerCount: UInt32(count))
  }
}
