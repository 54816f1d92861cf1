package import ConsentAPI
internal import Cryptography
internal import PrivacyCore
package import TransparencyLog
internal import WireFormat

/// Checks evidence offline, against a policy of trusted log keys and nothing else.
///
/// The keeper of the log signed the whole of it, and must stand by it. What it shows where it passes: the keeper of the log committed, in a tree that it signed, to the
/// person's receipt number k, to the state of all k receipts, from which the answer follows, and to
/// number k + 1, which names number k as the one before it and was recorded later than the time in
/// question; or it signed that there is no number k + 1. So a withdrawal recorded in between would have
/// to be a second receipt number k + 1, and two entries of one person with one number convict the keeper
/// of the log. Evidence alone cannot show that there is no such second entry: whoever can open all of a
/// person's entries can.
///
/// Where the parts name several pids, each renaming in between is shown in the same tree: a receipt that
/// names both, is the person's number k, and makes every number from k on one of the new pid.
package struct EvidenceVerifier: Sendable {
  /// The most bytes of evidence that is read: a receipt may have 64 scopes and 24 KiB of details.
  package static let byteCountMax = 256 << 10

  private let policy: TrustPolicy

  /// Trusts the logs of `policy`, and checkpoints that its witnesses have seen.
  package init(policy: TrustPolicy) { self.policy = policy }

  /// Verifies evidence as it was written; answers what it says.
  ///
  /// - Throws: `malformed` also for bytes that say the same in another way than the service does.
  package func verify(_ bytes: [UInt8]) throws(EvidenceFault) -> ConsentEvidence {
    guard bytes.count <= Self.byteCountMax, let evidence = try? ConsentEvidence(packed: bytes),
      evidence.packed() == bytes
    else { throw .malformed("the evidence") }
    try verify(evidence)
    return evidence
  }

  /// Returns where `evidence` proves its answer.
  package func verify(_ evidence: ConsentEvidence) throws(EvidenceFault) {
    guard let pid = PseudonymousID(bytes: evidence.pid) else { throw .malformed("the pid") }
    guard let answer = evidence.answer else { throw .malformed("the answer") }
    let checkpoint = try checkpoint(evidence.checkpoint)
    let names = try PersonNames(of: pid, joined: evidence.renamings, in: checkpoint)
    let newest = try evidence.newest.map { entry throws(EvidenceFault) in
      try entry.statement(of: names, in: checkpoint)
    }
    if let newest, newest.recordedAtUs > evidence.atUs {
      throw .notProven("the newest receipt was recorded later than the time in question")
    }
    try checkEnd(evidence, newest, names, checkpoint: checkpoint)
    let state = try state(evidence.standing, newest)
    let decision = state.decision(
      for: evidence.scope, at: Timestamp(microseconds: evidence.atUs))
    guard
      answer
        == CheckReply(
          granted: decision.reason == .granted, reason: decision.reason,
          consentID: decision.consentID, expiresAtUs: decision.expiresAtUs,
          sequence: state.lastSequence)
    else { throw .notProven("the answer does not follow from the person's state") }
    try checkReceipt(evidence, decision, in: state, names)
    try checkSignature(evidence, of: checkpoint.origin)
  }

  /// That the keeper of the log gave this answer to this question.
  private func checkSignature(
    _ evidence: ConsentEvidence, of origin: String
  ) throws(EvidenceFault) {
    let signed = try signedNote(evidence.signature, of: origin)
    guard let expected = try? EvidenceNote(evidence, origin: origin),
      signed.text.utf8.elementsEqual(expected.text.utf8)
    else { throw .notProven("the signature is of other evidence") }
  }

  private func signedNote(
    _ bytes: [UInt8], of origin: String
  ) throws(EvidenceFault) -> SignedNote {
    do throws(TransparencyLogError) {
      let signed = try SignedNote(encoded: bytes)
      try policy.verifyStatement(signed, of: origin)
      return signed
    } catch {
      throw .log(error)
    }
  }

  private func checkpoint(_ bytes: [UInt8]) throws(EvidenceFault) -> Checkpoint {
    do throws(TransparencyLogError) {
      return try policy.verify(SignedNote(encoded: bytes)).checkpoint
    } catch {
      throw .log(error)
    }
  }

  /// That nothing was recorded between the newest receipt and the time in question.
  private func checkEnd(
    _ evidence: ConsentEvidence, _ newest: ReceiptStatement?, _ names: PersonNames,
    checkpoint: Checkpoint
  ) throws(EvidenceFault) {
    let count = newest?.personSequence ?? 0
    if let entry = evidence.successor {
      guard evidence.lastReceiptNote.isEmpty else {
        throw .malformed("evidence with and without a next receipt")
      }
      let successor = try entry.statement(of: names, in: checkpoint)
      guard successor.personSequence == count + 1,
        successor.previousHash == newest?.receiptHash ?? []
      else { throw .notProven("the successor is not the person's next receipt") }
      guard successor.recordedAtUs > evidence.atUs else {
        throw .notProven("the next receipt was recorded by the time in question")
      }
      return
    }
    let note = try lastReceiptNote(evidence.lastReceiptNote, of: checkpoint.origin)
    // Of somebody without receipts there is one pid.
    let pid = newest.map { names.pid(at: $0.personSequence) } ?? names.asked
    guard note.pid == pid, note.receiptCount == count else {
      throw .notProven("the statement that there is no later receipt is about another one")
    }
    guard note.atUs >= evidence.atUs, note.treeSize > evidence.newest?.place ?? 0 || count == 0
    else { throw .notProven("the statement that there is no later receipt is too old") }
  }

  private func lastReceiptNote(
    _ bytes: [UInt8], of origin: String
  ) throws(EvidenceFault) -> LastReceiptNote {
    let signed = try signedNote(bytes, of: origin)
    guard let note = LastReceiptNote(text: signed.text),
      note.origin.utf8.elementsEqual(origin.utf8)
    else { throw .malformed("the statement that there is no later receipt") }
    return note
  }

  private func state(
    _ bytes: [UInt8], _ newest: ReceiptStatement?
  ) throws(EvidenceFault) -> PersonState {
    guard let newest else {
      guard bytes.isEmpty else { throw .notProven("a state without a receipt") }
      return PersonState()
    }
    guard Self.sha256(bytes) == newest.stateHash else {
      throw .notProven("the state is not the one that was logged")
    }
    guard let state = try? PersonState(packed: bytes) else { throw .malformed("the state") }
    guard state.receiptCount == newest.personSequence, state.lastSequence == newest.sequence,
      state.lastHash == newest.receiptHash
    else { throw .notProven("the state belongs to another receipt") }
    return state
  }

  private func checkReceipt(
    _ evidence: ConsentEvidence, _ decision: CheckDecision, in state: PersonState,
    _ names: PersonNames
  ) throws(EvidenceFault) {
    guard !decision.consentID.isEmpty, let scope = state.state(of: evidence.scope) else {
      guard evidence.receipt.isEmpty else { throw .notProven("a receipt that did not decide") }
      return
    }
    guard Self.sha256(evidence.receipt) == scope.hash(of: decision.consentID) else {
      throw .notProven("the receipt is not the one that was logged")
    }
    guard let receipt = try? Receipt(packed: evidence.receipt),
      receipt.consentID == decision.consentID,
      receipt.pid == names.pid(at: receipt.personSequence).bytes
    else { throw .malformed("the receipt") }
  }

  private static func sha256(_ bytes: [UInt8]) -> [UInt8]? { try? Digest.sha256(bytes) }
}
