internal import ArgumentParser
internal import ConsentAPI
internal import ConsentVerifier
internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import ServiceKit
internal import TransparencyLog
internal import WireFormat

/// `tacit verify evidence`.
struct VerifyEvidence: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evidence",
    abstract: "Check what a consent service proves about a person's consent at a time.",
    discussion: """
      The file is what `tacit-consent check --proof` wrote. Exit 0 where it proves its answer, \
      whatever the answer is: that consent was there, or that it was not.

      Example: tacit verify evidence consent.proof --log-key "$(cat consent.vkey)"
      """)

  @Argument(help: "The file with the evidence.") var file: String
  @OptionGroup var trust: PolicyOptions
  @Flag(help: "Print JSON, for scripts.") var json = false

  private struct View: Encodable {
    let person: String
    let scope: String
    let at: String
    let allowed: Bool
    let reason: String
    let consentID: String?
    let expiresAt: String?
    let receiptCount: UInt64
    let byteCount: Int

    enum CodingKeys: String, CodingKey {
      case person, scope, at, allowed, reason
      case consentID = "consent_id"
      case expiresAt = "expires_at"
      case receiptCount = "receipt_count"
      case byteCount = "byte_count"
    }
  }

  func run() async throws {
    let policy = try trust.read()
    let bytes = try LogDirectory.bytes(
      of: URL(filePath: file), limit: EvidenceVerifier.byteCountMax)
    let evidence: ConsentEvidence
    do throws(EvidenceFault) {
      evidence = try EvidenceVerifier(policy: policy).verify(bytes)
    } catch {
      throw CommandFailure("\(file) proves nothing: \(error)")
    }
    let view = try view(evidence, byteCount: bytes.count)
    if json { return try printJSON(view) }
    print("person \(view.person)")
    let verdict = view.allowed ? "allowed" : "not allowed"
    print("\(view.scope) at \(view.at): \(verdict), \(view.reason)")
    if let consentID = view.consentID { print("by receipt \(consentID)") }
    if let expiresAt = view.expiresAt { print("until \(expiresAt)") }
    print("the person had \(view.receiptCount) receipts by then")
    print("nothing is wrong")
  }

  private func view(_ evidence: ConsentEvidence, byteCount: Int) throws -> View {
    let answer = evidence.answer ?? CheckReply()
    let state = try PersonState(packed: evidence.standing)
    return View(
      person: PseudonymousID(bytes: evidence.pid)?.seedForm ?? "", scope: evidence.scope,
      at: Timestamp(microseconds: evidence.atUs).description, allowed: answer.granted,
      reason: answer.reason.words,
      consentID: answer.consentID.isEmpty ? nil : answer.consentID,
      expiresAt: answer.expiresAtUs == 0
        ? nil : Timestamp(microseconds: answer.expiresAtUs).description,
      receiptCount: state.receiptCount, byteCount: byteCount)
  }
}
