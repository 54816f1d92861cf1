package import AuditAPI
package import RPC
package import TransparencyLog
internal import ServiceKit

/// Copies a service's log into a directory, and continues a copy that was made before. Every file is
/// checked against the tree before it counts: a copy that is written verifies.
package struct LogExport: Sendable {
  private let audit: AuditClient
  private let directory: LogDirectory
  private let options: CallOptions

  /// An export through `audit` into `directory`.
  package init(_ audit: AuditClient, into directory: LogDirectory, options: CallOptions) {
    self.audit = audit
    self.directory = directory
    self.options = options
  }

  /// What an export brought.
  package struct Outcome: Sendable {
    /// The checkpoint that the files lead to.
    package let checkpoint: Checkpoint
    /// How many files were fetched.
    package let fileCount: Int
  }

  /// Copies everything up to the newest checkpoint.
  ///
  /// - Parameters:
  ///   - policy: whose checkpoints count.
  ///   - isCosigned: take the newest checkpoint that witnesses cosigned.
  ///   - progress: told after each file how many of how many are there.
  /// - Throws: `CommandFailure` where the service's files do not lead to its checkpoint, or the log
  ///   does not continue the copy that is there.
  package func run(
    policy: TrustPolicy, isCosigned: Bool, progress: (Int, Int) -> Void
  ) async throws -> Outcome {
    let reply = try await audit.checkpoint(
      CheckpointRequest(cosigned: isCosigned), options: options)
    let note = try SignedNote(encoded: reply.note)
    let checkpoint = try policy.verify(note).checkpoint
    if directory.has("checkpoint") { try await requireContinuation(checkpoint) }
    let size = checkpoint.treeSize
    var wanted = try TileCoordinate.all(.entries, treeSize: size)
    for level in 0..<TileCoordinate.levelCount(treeSize: size) {
      wanted += try TileCoordinate.all(.hashes(level: level), treeSize: size)
    }
    var fetched: [String] = []
    for (index, tile) in wanted.enumerated() {
      if !directory.has(tile.path) {
        try directory.write(try await fetch(tile), to: tile.path)
        fetched.append(tile.path)
      }
      progress(index + 1, wanted.count)
    }
    let problems = try TiledLogCheck(checkpoint: checkpoint, read: directory.read).problems
    guard problems.isEmpty else {
      // What does not verify must not be taken for a copy by the next export.
      for path in fetched { directory.remove(path) }
      throw CommandFailure(
        "what the service sent does not lead to its checkpoint:\n"
          + problems.map { "  \($0)" }.joined(separator: "\n"))
    }
    // Last: whoever reads the directory sees a checkpoint only when all that it needs is there.
    try directory.write(note.encoded, to: "checkpoint")
    return Outcome(checkpoint: checkpoint, fileCount: fetched.count)
  }

  private func fetch(_ tile: TileCoordinate) async throws -> [UInt8] {
    switch tile.content {
    case .entries:
      try await audit.entries(
        EntriesRequest(index: tile.index, width: UInt32(tile.width)), options: options
      ).bundle
    case .hashes(let level):
      try await audit.tile(
        TileRequest(level: UInt32(level), index: tile.index, width: UInt32(tile.width)),
        options: options
      ).hashes
    }
  }

  private func requireContinuation(_ checkpoint: Checkpoint) async throws {
    let old = try Checkpoint(text: directory.checkpoint().text)
    guard old.origin.utf8.elementsEqual(checkpoint.origin.utf8) else {
      throw CommandFailure("the directory holds log \(old.origin), not \(checkpoint.origin)")
    }
    guard old.treeSize <= checkpoint.treeSize else {
      throw CommandFailure(
        "the log was rolled back: the copy has \(old.treeSize) entries, the log shows "
          + "\(checkpoint.treeSize)")
    }
    let reply = try await audit.proveConsistency(
      ProveConsistencyRequest(oldSize: old.treeSize, newSize: checkpoint.treeSize),
      options: options)
    try ConsistencyProof(
      oldSize: old.treeSize, newSize: checkpoint.treeSize, path: try reply.path.map(Self.hash)
    ).verify(oldRoot: old.rootHash, newRoot: checkpoint.rootHash)
  }

  /// A hash of an answer.
  package static func hash(_ bytes: [UInt8]) throws(TransparencyLogError) -> MerkleHash {
    guard let hash = MerkleHash(bytes) else { throw .malformed("a hash of a proof") }
    return hash
  }
}
