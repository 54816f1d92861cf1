internal import ArgumentParser
internal import ConsentAPI
internal import ConsentVerifier
internal import Foundation
internal import PrivacyCore
internal import ServiceKit

/// `check`: whether a person allows a scope.
struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Say whether a person allows a scope; exit 1 if not.",
    discussion: """
      With --at it answers for another time: by the receipts that had been recorded by then. An \
      erasure counts at every time.

      With --proof it also writes a file that proves the answer: the receipt that decided, that it \
      is in the service's log, and that nothing was recorded for this person between it and that \
      time. `tacit verify evidence` checks the file offline.

      Example:
        tacit-consent check --pid PID --scope product_recs \\
            --at 2026-03-01T00:00:00Z --proof consent.proof
      """)

  @OptionGroup var person: PersonOption
  @Option(help: "The scope.") var scope: String
  @Option(help: ArgumentHelp("At what time; now.", valueName: "time"), transform: Reading.time)
  var at: Timestamp?
  @Option(help: ArgumentHelp("The file to write the proof to.", valueName: "file"))
  var proof: String?
  @Flag(help: "For --proof: with a checkpoint that witnesses cosigned.") var cosigned = false
  @OptionGroup var token: TokenOption
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let granted: Bool
    let reason: String
    let consentID: String?
    let expiresAt: String?
    let sequence: UInt64
    var proofByteCount: Int?

    enum CodingKeys: String, CodingKey {
      case granted, reason
      case consentID = "consent_id"
      case expiresAt = "expires_at"
      case sequence
      case proofByteCount = "proof_byte_count"
    }
  }

  func validate() throws {
    guard proof != nil || !cosigned else { throw ValidationError("--cosigned needs --proof") }
  }

  func run() async throws {
    let (reply, byteCount) = try await ask()
    let answer = Answer(
      granted: reply.granted, reason: reply.reason.words,
      consentID: reply.consentID.isEmpty ? nil : reply.consentID,
      expiresAt: reply.expiresAtUs == 0
        ? nil : Timestamp(microseconds: reply.expiresAtUs).description,
      sequence: reply.sequence, proofByteCount: byteCount)
    if client.json {
      try printJSON(answer)
    } else {
      var table = Table("allowed", "reason", "until", "consent id")
      table.add(
        answer.granted ? "yes" : "no", answer.reason, answer.expiresAt ?? "-",
        answer.consentID ?? "-")
      table.show()
      if let proof, let byteCount { print("wrote \(proof), \(byteCount) bytes") }
    }
    if !reply.granted { throw ExitCode(ExitStatus.failed) }
  }

  private func ask() async throws -> (CheckReply, proofByteCount: Int?) {
    guard let proof else { return (try await check(), nil) }
    let request = ProveRequest(
      pid: person.pid.bytes, scope: scope, atUs: at?.microseconds ?? 0, atLeast: token.token,
      cosigned: cosigned)
    let evidence = try await client.with(.consent) {
      try await ConsentClient($0).prove(request, options: client.callOptions)
    }
    guard let reply = evidence.answer else {
      throw CommandFailure("the service gave no answer")
    }
    let bytes = evidence.packed()
    do {
      try Data(bytes).write(to: URL(filePath: proof), options: .atomic)
    } catch {
      throw CommandFailure("\(proof) cannot be written")
    }
    return (reply, bytes.count)
  }

  /// A batch waits for a token; a single check never waits.
  private func check() async throws -> CheckReply {
    let request = CheckRequest(
      pid: person.pid.bytes, scope: scope, atUs: at?.microseconds ?? 0)
    let replies = try await client.with(.consent) {
      try await ConsentClient($0).checkBatch(
        CheckBatchRequest(checks: [request], atLeast: token.token), options: client.callOptions
      ).replies
    }
    guard let reply = replies.first else {
      throw CommandFailure("the service gave no answer")
    }
    return reply
  }
}
