internal import AuditLog
package import ConsentAPI
internal import ConsentVerifier
internal import Cryptography
package import PrivacyCore
internal import SealedStore
internal import TransparencyLog

extension ConsentLedger {
  /// Evidence of how a person's consent to a scope stood: at `time`, which must not be in the future,
  /// or now. Bounded in bytes and in work, whatever the length of the log and of the person's history.
  ///
  /// - Parameters:
  ///   - name: the pid of the person that the evidence is to name; `nil` for the one asked for.
  ///   - cosigned: with a checkpoint that witnesses cosigned, in place of the newest.
  /// - Throws: `notLogged`, `entriesForgotten`, `notCosigned`; what the log throws.
  package func evidence(
    of pid: PseudonymousID, named name: PseudonymousID? = nil, for scope: String,
    at time: Timestamp?, cosigned: Bool = false
  ) async throws -> ConsentEvidence {
    let through = try await settle(through: time)
    let asked = time ?? through
    var name = name ?? pid
    let (past, decision, deciding, places, joins, treeSize) = try store.read { snapshot in
      let pid = try names.current(pid, in: snapshot)
      let past = try Self.standing(of: pid, at: asked, in: snapshot)
      let decision = past.state.decision(for: scope, at: asked)
      let deciding = try Self.deciding(decision, past, in: snapshot)
      let places = (
        newest: try Self.place(of: past.newest, pid, in: snapshot),
        successor: try Self.place(of: past.successor, pid, in: snapshot)
      )
      let used = [past.newest, past.successor, deciding].compactMap { $0?.pid }
      var joins = try Self.renamings(of: pid, joining: used + [name.bytes], in: snapshot)
      if joins.contains(where: \.isForgotten) {
        // Of an erased person nothing of before can be shown; what is known stands under the new pid.
        name = pid
        joins = try Self.renamings(of: pid, joining: used + [pid.bytes], in: snapshot)
      }
      return (past, decision, deciding, places, joins, try audit.count(in: snapshot))
    }
    let indices = try ([places.newest, places.successor].compactMap { $0 } + joins.map(\.place))
      .map { place in
        guard let index = place.index else { throw ReceiptRefusal.notLogged }
        return index
      }
    let checkpoint = try await checkpoint(covering: indices.max(), cosigned: cosigned)
    var evidence = ConsentEvidence(
      pid: name.bytes, scope: scope, atUs: asked.microseconds,
      answer: CheckReply(
        granted: decision.reason == .granted, reason: decision.reason,
        consentID: decision.consentID, expiresAtUs: decision.expiresAtUs,
        sequence: past.state.lastSequence),
      receipt: deciding?.packed() ?? [],
      checkpoint: checkpoint.note.encoded)
    if let newest = past.newest, let place = places.newest {
      evidence.standing = past.state.packed()
      evidence.newest = try open(place, newest, past.state, treeSize: checkpoint.treeSize)
    }
    if let successor = past.successor, let place = places.successor {
      var state = past.state
      state.record(successor, hash: try Self.hash(of: successor))
      evidence.successor = try open(place, successor, state, treeSize: checkpoint.treeSize)
    } else {
      let note = LastReceiptNote(
        origin: checkpoint.checkpoint.origin,
        pid: past.newest.flatMap { PseudonymousID(bytes: $0.pid) } ?? name,
        receiptCount: past.state.receiptCount,
        atUs: through.microseconds, treeSize: treeSize)
      evidence.lastReceiptNote = try audit.signStatement(note.text).encoded
    }
    for join in joins {
      evidence.renamings.append(
        LoggedRenaming(
          receipt: join.receipt.packed(),
          entry: try open(join.place, join.receipt, join.state, treeSize: checkpoint.treeSize)))
    }
    let seal = try EvidenceNote(evidence, origin: checkpoint.checkpoint.origin)
    evidence.signature = try audit.signStatement(seal.text).encoded
    return evidence
  }

  private static func place(
    of receipt: Receipt?, _ pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> LogPlace? {
    guard let receipt else { return nil }
    return try reader.get(ConsentTables.history, KeyPair(pid, receipt.sequence)) ?? .unlogged
  }

  private func checkpoint(
    covering index: UInt64?, cosigned: Bool
  ) async throws -> SignedCheckpoint {
    if cosigned {
      guard let newest = try audit.newestCosigned(), index.map({ $0 < newest.treeSize }) ?? true
      else { throw ReceiptRefusal.notCosigned }
      return newest
    }
    if let newest = try audit.newestCheckpoint(), index.map({ $0 < newest.treeSize }) ?? true {
      return newest
    }
    guard let index else { return try await audit.publish() }
    return try await audit.covered(index)
  }

  /// The receipt that `decision` names.
  private static func deciding(
    _ decision: CheckDecision, _ past: PastStanding,
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> Receipt? {
    guard let id = ConsentID(text: decision.consentID) else { return nil }
    if past.newest?.consentID == decision.consentID { return past.newest }
    guard let position = try reader.get(ConsentTables.positions, id) else {
      throw ReceiptRefusal.unknownReceipt
    }
    return try receipt(at: position, in: reader)
  }

  /// A renaming, and how its person stood with it.
  private struct Join {
    let receipt: Receipt
    let state: PersonState
    let place: LogPlace

    /// Whether nothing opens its entry any more.
    var isForgotten: Bool {
      if case .member(_, _, .none) = place { true } else { false }
    }
  }

  /// The renamings of a person that join all of `pids`, in their order.
  private static func renamings(
    of pid: PseudonymousID, joining pids: [[UInt8]],
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> [Join] {
    let pids = Set(pids)
    guard pids.count > 1, let state = try state(of: pid, in: reader) else { return [] }
    let receipts = try state.renamings.map { try receipt(at: $0, in: reader) }
    // The person's pids in their order: the first, and what each renaming made of it.
    let names = receipts.prefix(1).map(\.formerPid) + receipts.map(\.pid)
    let used = names.indices.filter { pids.contains(names[$0]) }
    guard let first = used.first, let last = used.last else { return [] }
    return try receipts[first..<last].map { receipt in
      Join(
        receipt: receipt, state: try Self.state(of: pid, after: receipt, in: reader),
        place: try place(of: receipt, pid, in: reader) ?? .unlogged)
    }
  }

  /// The entry of a receipt, after which the person's state was `state`, with what it takes to see
  /// that it is in the tree.
  private func open(
    _ place: LogPlace, _ receipt: Receipt, _ state: PersonState, treeSize: UInt64
  ) throws -> LoggedReceipt {
    var logged: LoggedReceipt
    switch place {
    case .unlogged: throw ReceiptRefusal.notLogged
    case .member(_, _, .none): throw ReceiptRefusal.entriesForgotten
    case .entry(let index):
      guard let opening = try audit.openingIfKept(of: index) else {
        throw ReceiptRefusal.entriesForgotten
      }
      logged = LoggedReceipt(place: index, salt: opening.salt, content: opening.content)
    case .member(let index, let member, let salt?):
      let content = try ReceiptStatement(receipt, state: state.packed()).packed()
      let proof = try audit.batchProof(index: index, member: member)
      // What is worked out anew must be what was logged.
      guard case .batch(_, let root) = try LogLeaf(encoded: proof.leaf).content,
        try proof.inclusion.root(from: AuditBatch.hash(salt: salt, content: content)) == root
      else { throw StoreError.corrupted("the log has another receipt \(receipt.sequence)") }
      logged = LoggedReceipt(
        place: index, salt: salt, content: content, batch: proof.leaf, member: member,
        batchPath: TileCoding.encode(proof.inclusion.path))
    }
    let proof = try audit.inclusionProof(index: logged.place, treeSize: treeSize)
    logged.path = TileCoding.encode(proof.path)
    return logged
  }
}
