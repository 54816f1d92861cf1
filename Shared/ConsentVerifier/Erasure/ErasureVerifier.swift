internal import ConsentAPI
internal import Cryptography
internal import PrivacyCore
package import TransparencyLog

/// Checks a certificate of erasure offline, against a policy of trusted log keys and nothing else.
///
/// What it shows where it passes: the keeper of the consent log certified the erasure of this person,
/// and recorded it in a tree that it signed; every store that the certificate names, under the key of
/// its own log, said that it removed the person's rows and found none when it looked again; and the
/// vault said that the subject key is gone. It cannot show that a store told the truth, nor that there
/// is no store that the certificate does not name.
package struct ErasureVerifier: Sendable {
  private let policy: TrustPolicy

  /// Trusts the logs of `policy`, and checkpoints that its witnesses have seen.
  package init(policy: TrustPolicy) { self.policy = policy }

  /// Returns where the file holds, what it certifies.
  @discardableResult
  package func verify(
    _ file: ErasureCertificateFile
  ) throws(EvidenceFault) -> ErasureCertificate {
    guard let evidence = Base64.decode(file.evidence) else { throw .malformed("the evidence") }
    let told = try ErasureCertificateFile(
      certificate: Array(file.certificate.utf8), statements: file.statements.map { Array($0.utf8) },
      evidence: evidence)
    guard told == file else {
      throw .notProven("what the file says for people is not what was signed")
    }
    let signed = try note(Array(file.certificate.utf8), "the certificate")
    guard let certificate = ErasureCertificate(text: signed.text) else {
      throw .malformed("the certificate")
    }
    try check(signed, of: certificate.origin, service: "consent")
    try checkEvidence(evidence, certificate)
    try checkStatements(file.statements, certificate)
    return certificate
  }

  /// That the erasure is in the consent log, and is the person's last receipt.
  private func checkEvidence(
    _ bytes: [UInt8], _ certificate: ErasureCertificate
  ) throws(EvidenceFault) {
    let evidence = try EvidenceVerifier(policy: policy).verify(bytes)
    guard evidence.pid == certificate.pid.bytes, let answer = evidence.answer,
      answer.reason == .erased, answer.sequence == certificate.sequence
    else { throw .notProven("the evidence is not of this erasure") }
    guard let checkpoint = try? Checkpoint(text: note(evidence.checkpoint, "a checkpoint").text),
      checkpoint.origin.utf8.elementsEqual(certificate.origin.utf8)
    else { throw .notProven("the evidence is of another log than the certificate") }
  }

  private func checkStatements(
    _ notes: [String], _ certificate: ErasureCertificate
  ) throws(EvidenceFault) {
    var awaited = certificate.statements
    var models: Set<ModelMention> = []
    var isKeyGone = false
    for text in notes {
      let signed = try note(Array(text.utf8), "a statement")
      guard let statement = ErasureStatement(text: signed.text) else {
        throw .malformed("a statement")
      }
      let hash = try? Digest.sha256(Array(text.utf8))
      guard
        let index = awaited.firstIndex(where: {
          $0.service == statement.service && $0.hash == hash
        })
      else { throw .notProven("a statement that the certificate does not name") }
      awaited.remove(at: index)
      guard statement.pid == certificate.pid, statement.sequence == certificate.sequence else {
        throw .notProven("the statement of \(statement.service) is of another erasure")
      }
      guard statement.left == 0 else {
        throw .notProven("\(statement.service) still holds rows of the person")
      }
      try check(signed, of: statement.origin, service: statement.service)
      if statement.service == "vault" { isKeyGone = statement.key != nil }
      models.formUnion(statement.models)
    }
    if let missing = awaited.first {
      throw .notProven("the statement of \(missing.service) is missing")
    }
    guard isKeyGone else { throw .notProven("the vault does not say that the subject key is gone") }
    guard certificate.models.allSatisfy(models.contains) else {
      throw .notProven("a model that no statement names")
    }
  }

  private func note(_ bytes: [UInt8], _ what: String) throws(EvidenceFault) -> SignedNote {
    guard let note = try? SignedNote(encoded: bytes), note.encoded == bytes else {
      throw .malformed(what)
    }
    return note
  }

  /// That the log of this service signed. The second part of a log's name is its service.
  private func check(
    _ note: SignedNote, of origin: String, service: String
  ) throws(EvidenceFault) {
    let parts = origin.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[1] == service else {
      throw .notProven("a note of \(service) is signed as \(origin)")
    }
    do throws(TransparencyLogError) {
      try policy.verifyStatement(note, of: origin)
    } catch {
      throw .log(error)
    }
  }
}
