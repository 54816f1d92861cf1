public import Cryptography
public import TransparencyLog
internal import PrivacyCore
internal import SealedStore

extension AuditLog {
  /// The key that verifies this log's checkpoints; its name is the log's origin.
  ///
  /// - Throws: `noSigningKey`.
  public func verifyingKey() throws(AuditLogError) -> NoteKey { try signing().signer.key }

  func signing() throws(AuditLogError) -> CheckpointPublisher {
    guard let publisher else { throw .noSigningKey }
    return publisher
  }

  // MARK: - Fail closed

  /// Records `entry` and returns when it is durable *and* under a signed checkpoint: for what must
  /// not happen without showing. When it throws, the operation must not take effect; the entry may
  /// be in the log all the same, as an attempt. Costs up to `checkpointIntervalMs` more.
  ///
  /// - Throws: `notCovered` after `coverTimeoutMs`, `noSigningKey`; what the store throws.
  @discardableResult
  public func appendCovered(
    _ entry: AuditEntry, under subjectKey: SealingKey? = nil
  ) async throws -> (index: UInt64, checkpoint: SignedCheckpoint) {
    let publisher = try signing()
    let index = try await append(entry, under: subjectKey)
    return (index, try await publisher.cover(index))
  }

  /// Waits until a signed checkpoint covers the entry at a place, which must be durable.
  ///
  /// - Throws: as `appendCovered`.
  @discardableResult
  public func covered(_ index: UInt64) async throws -> SignedCheckpoint {
    try await signing().cover(index)
  }

  // MARK: - Checkpoints

  /// Signs everything written before the call, now, unless that is signed already.
  @discardableResult
  public func publish() async throws -> SignedCheckpoint { try await signing().publish() }

  /// The newest checkpoint; `nil` before the first.
  public func newestCheckpoint() throws -> SignedCheckpoint? { try signing().newest() }

  /// The newest checkpoint that covers the entry at a place; `nil` while none does.
  public func checkpoint(covering index: UInt64) throws -> SignedCheckpoint? {
    guard let newest = try newestCheckpoint(), index < newest.treeSize else { return nil }
    return newest
  }

  /// The newest checkpoint that at least one witness cosigned.
  public func newestCosigned() throws -> SignedCheckpoint? {
    let row = try store.read { try $0.first(AuditTables.cosigned, reverse: true) }
    return try row.map { try SignedCheckpoint(encoded: $0.value) }
  }

  /// The checkpoint of a tree of that size, with its cosignatures; `nil` where none is kept.
  public func checkpoint(ofSize size: UInt64) throws -> SignedCheckpoint? {
    try store.read { snapshot in
      let bytes =
        try snapshot.get(AuditTables.cosigned, size)
        ?? snapshot.get(AuditTables.checkpoints, size)
      return try bytes.map { try SignedCheckpoint(encoded: $0) }
    }
  }

  /// Signs what the service says beside its log, with the log's key. A text that could be taken for a
  /// checkpoint is refused: of those there is one for each size.
  ///
  /// - Throws: `log(.malformed)` for such a text, and for one that is none of a note; `noSigningKey`.
  public func signStatement(_ text: String) throws -> SignedNote {
    guard (try? Checkpoint(text: text)) == nil else {
      throw AuditLogError.log(.malformed("a statement that reads as a checkpoint"))
    }
    let signer = try signing().signer
    do throws(TransparencyLogError) {
      var note = try SignedNote(text: text)
      try note.add(signer.sign(text, at: time.now))
      return note
    } catch {
      throw AuditLogError.log(error)
    }
  }

  // MARK: - Proofs

  /// That the entry at a place is in the tree of `treeSize`. About 25 look-ups at a million entries.
  ///
  /// - Throws: `log(.outOfRange)` where the tree has no such entry or the log no such tree.
  public func inclusionProof(index: UInt64, treeSize: UInt64) throws -> InclusionProof {
    try store.read { snapshot in
      try require(treeSize, tree.size(snapshot))
      return try InclusionProof(leafIndex: index, treeSize: treeSize) {
        try tree.node($0, snapshot)
      }
    }
  }

  /// That the tree of `newSize` begins with the tree of `oldSize`.
  ///
  /// - Throws: `log(.outOfRange)` where the log has no such trees.
  public func consistencyProof(oldSize: UInt64, newSize: UInt64) throws -> ConsistencyProof {
    try store.read { snapshot in
      try require(newSize, tree.size(snapshot))
      return try ConsistencyProof(oldSize: oldSize, newSize: newSize) {
        try tree.node($0, snapshot)
      }
    }
  }

  /// All that one needs to see offline that the entry at a place was logged: with the newest
  /// checkpoint, or, for `cosigned`, the newest that witnesses vouch for. The leaf itself is the
  /// proof's `extra`.
  ///
  /// - Throws: `notCovered` while no such checkpoint covers it.
  public func proof(of index: UInt64, cosigned: Bool = false) throws -> LogProof {
    let newest = try cosigned ? newestCosigned() : newestCheckpoint()
    guard let newest, index < newest.treeSize else { throw AuditLogError.notCovered(index: index) }
    let proof = try inclusionProof(index: index, treeSize: newest.treeSize)
    return LogProof(
      index: index, path: proof.path, note: newest.note, extra: try leaf(at: index))
  }

  /// The leaf at a place, as it is hashed.
  ///
  /// - Throws: `noSuchEntry`.
  public func leaf(at index: UInt64) throws -> [UInt8] {
    let row = try store.read { try $0.get(AuditTables.leaves, index) }
    guard let row else { throw AuditLogError.noSuchEntry(index: index) }
    return row.leaf
  }

  private func require(_ wanted: UInt64, _ size: UInt64) throws {
    guard wanted <= size else {
      throw TransparencyLogError.outOfRange("a tree of \(wanted)", treeSize: size)
    }
  }

  // MARK: - For outsiders

  /// The hashes of a tile; any width up to what there is.
  ///
  /// - Throws: `outOfRange` where the log has no such tile.
  public func tile(_ tile: TileCoordinate) throws -> [MerkleHash] {
    guard case .hashes(let level) = tile.content else {
      throw TransparencyLogError.malformed("a bundle asked for as a tile")
    }
    return try store.read { snapshot in
      let first = try firstHash(of: tile, size: tree.size(snapshot))
      return try (first..<first + UInt64(tile.width)).map { index in
        try tree.node(
          NodeCoordinate(level: level * TileCoordinate.height, index: index), snapshot)
      }
    }
  }

  /// The leaves of a bundle; any width up to what there is.
  ///
  /// - Throws: `outOfRange` where the log has no such bundle.
  public func leaves(of tile: TileCoordinate) throws -> [[UInt8]] {
    guard tile.content == .entries else {
      throw TransparencyLogError.malformed("a tile asked for as a bundle")
    }
    return try store.read { snapshot in
      let first = try firstHash(of: tile, size: tree.size(snapshot))
      let rows = try snapshot.rows(AuditTables.leaves, .from(first), limit: tile.width)
      guard rows.count == tile.width, rows.last?.key == first + UInt64(tile.width) - 1 else {
        throw AuditLogError.damaged(index: first)
      }
      return rows.map(\.value.leaf)
    }
  }

  private func firstHash(of tile: TileCoordinate, size: UInt64) throws -> UInt64 {
    let first = tile.index * UInt64(TileCoordinate.fullWidth)
    let available = TileCoordinate.hashCount(tile.content, treeSize: size)
    guard first + UInt64(tile.width) <= available else {
      throw TransparencyLogError.outOfRange(tile.path, treeSize: size)
    }
    return first
  }

  // MARK: - Witnesses

  /// Keeps a witness's cosignature of a checkpoint of this log; answers how many witnesses have
  /// cosigned it.
  ///
  /// - Throws: `noSuchCheckpoint`, `unknownWitness`, `log(.falseSignature)`.
  public func cosign(treeSize: UInt64, signature: NoteSignature) async throws -> Int {
    guard let kept = try checkpoint(ofSize: treeSize) else {
      throw AuditLogError.noSuchCheckpoint(treeSize: treeSize)
    }
    var witness: NoteKey?
    for key in configuration.witnesses where try key.claims(signature) { witness = key }
    guard let witness else { throw AuditLogError.unknownWitness }
    try witness.verify(signature, on: kept.note.text)
    let limit = configuration.checkpointCountMax
    let note = try await store.write { transaction in
      let other = try transaction.get(AuditTables.cosigned, treeSize)
      var note = try other.map { try SignedNote(encoded: $0) } ?? kept.note
      try note.add(signature)
      try transaction.put(AuditTables.cosigned, treeSize, note.encoded)
      try CheckpointPublisher.prune(AuditTables.cosigned, to: limit, in: &transaction)
      return note
    }.value
    return try configuration.witnesses.count { key in
      try note.signatures.contains { try key.claims($0) }
    }
  }
}
