internal import AuditAPI
internal import ConsentAPI
internal import PrivacyCore
internal import TransparencyLog
internal import WireFormat

extension LoggedReceipt {
  /// What the entry says of a receipt of the person with these pids, where it is in the tree of
  /// `checkpoint`.
  func statement(
    of names: PersonNames, in checkpoint: Checkpoint
  ) throws(EvidenceFault) -> ReceiptStatement {
    let statement = try statement(in: checkpoint)
    guard statement.pid == names.pid(at: statement.personSequence).bytes else {
      throw .notProven("an entry is about somebody else")
    }
    return statement
  }

  /// What the entry says of a receipt, where it is in the tree of `checkpoint`.
  func statement(in checkpoint: Checkpoint) throws(EvidenceFault) -> ReceiptStatement {
    let statement: ReceiptStatement
    let entry: [UInt8]
    if batch.isEmpty {
      guard let record = try? AuditRecord(packed: content), record.number == place &+ 1 else {
        throw .malformed("the content of an entry")
      }
      statement = try Self.statement(record.statement)
      guard record.pids == [statement.pid] else {
        throw .notProven("an entry names another person than its receipt")
      }
      guard member == 0, batchPath.isEmpty else { throw .malformed("an entry of its own") }
      entry = try leaf(of: record)
    } else {
      statement = try Self.statement(content)
      try checkMember()
      entry = batch
    }
    do throws(TransparencyLogError) {
      let proof = try InclusionProof(
        leafIndex: place, treeSize: checkpoint.treeSize, path: Self.hashes(path))
      try proof.verify(leaf: .leaf(entry), root: checkpoint.rootHash)
    } catch {
      throw .log(error)
    }
    return statement
  }

  /// The leaf follows from the content: it is not sent.
  private func leaf(of record: AuditRecord) throws(EvidenceFault) -> [UInt8] {
    do throws(TransparencyLogError) {
      return try LogLeaf(
        seconds: Timestamp(microseconds: record.atUs).wholeSeconds, action: record.action,
        commitment: SaltedCommitment(salt: salt, content: content).hash
      ).encoded
    } catch {
      throw .log(error)
    }
  }

  /// Throws unless the content is a member of the batch.
  private func checkMember() throws(EvidenceFault) {
    do throws(TransparencyLogError) {
      guard case .batch(let count, let root) = try LogLeaf(encoded: batch).content else {
        throw TransparencyLogError.malformed("the leaf of a batch")
      }
      let commitment = try SaltedCommitment(salt: salt, content: content).hash
      try InclusionProof(
        leafIndex: UInt64(member), treeSize: count, path: Self.hashes(batchPath)
      ).verify(leaf: .leaf(commitment.bytes), root: root)
    } catch {
      throw .log(error)
    }
  }

  private static func statement(_ bytes: [UInt8]) throws(EvidenceFault) -> ReceiptStatement {
    guard !bytes.isEmpty, let statement = try? ReceiptStatement(packed: bytes),
      statement.packed() == bytes, statement.receiptHash.count == MerkleHash.byteCount,
      statement.stateHash.count == MerkleHash.byteCount, statement.personSequence > 0
    else { throw .malformed("what an entry says of a receipt") }
    return statement
  }

  private static func hashes(_ path: [UInt8]) throws(TransparencyLogError) -> [MerkleHash] {
    guard path.count.isMultiple(of: MerkleHash.byteCount),
      path.count <= TreeShape.proofHashCountMax * MerkleHash.byteCount
    else { throw .malformed("the path of a proof") }
    return stride(from: 0, to: path.count, by: MerkleHash.byteCount).compactMap {
      MerkleHash(path[$0..<$0 + MerkleHash.byteCount])
    }
  }
}

extension Timestamp {
  /// Whole seconds since the epoch, rounded down, as leaves have them.
  fileprivate var wholeSeconds: Int64 {
    let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
