package import AuditAPI
package import PrivacyCore
package import RPC
package import TransparencyLog

/// One visit of a witness to a service: fetch the newest checkpoint and the proof since the last one,
/// decide, remember, bring the cosignature.
package struct WitnessRound: Sendable {
  private let audit: AuditClient
  private let memory: WitnessFile
  private let signer: NoteSigner
  private let logs: [NoteKey]
  private let options: CallOptions

  /// A witness with its memory, its key and the logs that it knows.
  package init(
    _ audit: AuditClient, memory: WitnessFile, signer: NoteSigner, logs: [NoteKey],
    options: CallOptions
  ) {
    self.audit = audit
    self.memory = memory
    self.signer = signer
    self.logs = logs
    self.options = options
  }

  /// Visits once; answers what was cosigned.
  ///
  /// - Throws: what `Witness.check` throws where the log does not keep its promise.
  package func run(at now: Timestamp) async throws -> Checkpoint {
    let reply = try await audit.checkpoint(CheckpointRequest(), options: options)
    let note = try SignedNote(encoded: reply.note)
    // Nothing of a checkpoint is used before its signature holds.
    let checkpoint = try TrustPolicy(logs: logs).verify(note).checkpoint
    let last = try memory.last(of: checkpoint.origin)
    let oldSize = last?.treeSize ?? 0
    var proof: [MerkleHash] = []
    if oldSize > 0, oldSize < checkpoint.treeSize {
      proof = try await audit.proveConsistency(
        ProveConsistencyRequest(oldSize: oldSize, newSize: checkpoint.treeSize), options: options
      ).path.map(LogExport.hash)
    }
    let request = try AddCheckpointRequest(oldSize: oldSize, proof: proof, note: note)
    let signature = try memory.cosign(request, logs: logs, signer: signer, at: now)
    _ = try await audit.cosign(
      CosignRequest(treeSize: checkpoint.treeSize, signature: signature.line), options: options)
    return checkpoint
  }
}
