internal import AuditAPI
internal import Cryptography
package import PrivacyCore
package import TransparencyLog
internal import WireFormat

/// Checks a pack without a network: whom it is about, that every line is what its service signed, and
/// that each access stands in the service's log.
package struct AccessVerifier: Sendable {
  private let policy: TrustPolicy

  /// A verifier that trusts the logs of `policy`.
  package init(policy: TrustPolicy) { self.policy = policy }

  /// What a pack that holds says of one service.
  package struct Verified: Hashable, Sendable {
    /// The service.
    package let service: String
    /// The service's log.
    package let origin: String
    /// The access's place there, from 0.
    package let entry: UInt64
    /// When the access was logged.
    package let loggedAt: Timestamp
    /// How many records the service gave.
    package let recordCount: Int
  }

  /// Checks the three files of a pack.
  ///
  /// - Throws: `AccessFault`, which names the first that is wrong.
  package func verify(
    json: [UInt8], page: [UInt8], manifest: [UInt8]
  ) throws -> (pack: AccessPack, services: [Verified]) {
    let pack = try AccessPack(json: json)
    let services = try pack.parts.map { try verify($0, of: pack) }
    guard try pack.page() == page else { throw AccessFault.otherFile("access.html") }
    guard try pack.manifest() == manifest else { throw AccessFault.otherFile("manifest.json") }
    return (pack, services)
  }

  private func verify(_ part: AccessPart, of pack: AccessPack) throws -> Verified {
    func fault(_ reason: String) -> AccessFault {
      .falsePart(service: part.service, reason: reason)
    }
    _ = try part.sections()
    do {
      let note = try SignedNote(encoded: part.note)
      guard let statement = HoldingsNote(text: note.text), statement.service == part.service,
        // So that the log of one service does not speak for another.
        statement.origin.hasPrefix("tacit/\(part.service)/")
      else { throw fault("its note is none of this service") }
      try policy.verifyStatement(note, of: statement.origin)
      guard statement.pidCount == UInt64(pack.pids.count),
        try statement.pidsHash == HoldingsNote.hash(pack.pids)
      else { throw fault("it was asked for other pids than the pack is about") }
      guard statement.lineCount == UInt64(part.lines.count),
        try statement.linesHash == Digest.sha256(part.text)
      else { throw fault("its lines are not those that the service signed") }
      let record = try logged(part, statement)
      guard record.action == "\(part.service).access", record.pids == pack.pids.map(\.bytes),
        record.details.contains(where: { $0.name == "ticket" && $0.value == pack.ticket })
      else { throw fault("the log's entry is of something else") }
      return Verified(
        service: part.service, origin: statement.origin, entry: statement.entry,
        loggedAt: Timestamp(microseconds: record.atUs), recordCount: part.lines.count)
    } catch let error as TransparencyLogError {
      throw fault(error.description)
    }
  }

  /// The entry of the access, after it has been shown to be in the log.
  private func logged(_ part: AccessPart, _ statement: HoldingsNote) throws -> AuditRecord {
    let proof = try LogProof(encoded: part.proof)
    let verified = try proof.verify(entry: proof.extra, policy: policy)
    guard verified.checkpoint.origin.utf8.elementsEqual(statement.origin.utf8),
      proof.index == statement.entry,
      try SaltedCommitment(salt: part.salt, content: part.content).hash
        == LogLeaf(encoded: proof.extra).commitment,
      let record = try? AuditRecord(packed: part.content), record.number == statement.entry + 1
    else {
      throw AccessFault.falsePart(
        service: part.service, reason: "the entry it names is not in the log")
    }
    return record
  }
}
