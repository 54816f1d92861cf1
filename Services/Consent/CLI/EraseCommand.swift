internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import ServiceKit

/// `erase`: forgets a person.
struct EraseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "erase",
    abstract: "Forget a person: purge every store, destroy the subject key. For ever.",
    discussion: """
      Nothing can be recorded for this pid again. Each store signs what it did; with --certificate \
      all of it is written to a file that `tacit verify certificate` checks. If the vault is out \
      of reach, the erasure is recorded and in force, the command fails, and the service finishes \
      it by itself; repeating the command is safe.

      Example:
        tacit-consent erase --pid PID --ground gdpr-17-1-b \\
            --source letter-2026-11 --yes --certificate certificate.json
        tacit-consent erase --pids people.txt --ground gdpr-17-1-b --yes
      """)

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The person: 43 characters, with or without hmac:sha256:.", valueName: "pid"),
    transform: Reading.pid)
  var pid: PseudonymousID?
  @Option(help: ArgumentHelp("A file of pids, one a line; - is standard input.", valueName: "file"))
  var pids: String?
  @Option(
    help: ArgumentHelp(
      "With --pids: how many people a second at most, from 1; never more than the service's own "
        + "limit. Fewer leave more of the machines to whoever is served meanwhile.",
      valueName: "count"))
  var peoplePerSecond: UInt32?
  @Option(help: "The legal ground, a name such as gdpr-17-1-b.") var ground: String
  @Option(help: "Where it was asked.") var source = ""
  @Option(
    help: ArgumentHelp("The file to write the erasure's certificate to.", valueName: "file"))
  var certificate: String?
  @Flag(help: "Really do it.") var yes = false
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let receipt: ReceiptView
    let gates: [GateOutcomeView]
    let subjectKeyDestroyed: Bool
    let durationMs: Double
    let certified: Bool
    let missing: [String]

    enum CodingKeys: String, CodingKey {
      case receipt, gates, certified, missing
      case subjectKeyDestroyed = "subject_key_destroyed"
      case durationMs = "duration_ms"
    }
  }

  func validate() throws {
    guard (pid == nil) != (pids == nil) else {
      throw ValidationError("say with either --pid or --pids who is to be forgotten")
    }
    guard peoplePerSecond != 0, pids != nil || peoplePerSecond == nil else {
      throw ValidationError("--people-per-second goes with --pids and takes 1 or more")
    }
    guard pids == nil || certificate == nil else {
      throw ValidationError("--certificate is of one person: --pid")
    }
    guard yes else {
      throw ValidationError("there is no way back from an erasure; repeat the command with --yes")
    }
  }

  func run() async throws {
    if let pids { return try await erase(people: PeopleFile.read(pids)) }
    guard let pid else { return }
    let request = EraseRequest(pid: pid.bytes, ground: ground, source: source)
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).erase(request, options: client.callOptions)
    }
    guard let receipt = reply.receipt.map(ReceiptView.init) else { return }
    let answer = Answer(
      receipt: receipt, gates: reply.gates.map(GateOutcomeView.init),
      subjectKeyDestroyed: reply.subjectKeyDestroyed,
      durationMs: Double(reply.durationUs) / 1_000, certified: reply.certified,
      missing: reply.missing)
    if let certificate, reply.certified {
      let proof = try await client.with(.consent) {
        try await ConsentClient($0).erasureCertificate(
          CertificateRequest(pid: pid.bytes), options: client.callOptions)
      }
      _ = try CertificateOutput.write(proof, to: certificate)
    }
    if client.json { return try printJSON(answer) }
    print("erased after \(answer.durationMs) ms")
    print(
      answer.subjectKeyDestroyed
        ? "the vault destroyed the subject key and the identifiers"
        : "the vault had no subject key of this person")
    receipt.show()
    GateOutcomeView.show(answer.gates)
    if answer.certified {
      print(certificate.map { "wrote \($0)" } ?? "certified: see `tacit-consent certificate`")
    } else {
      print(
        "not certified yet: \(answer.missing.joined(separator: ", ")) did not say what was done; "
          + "see `tacit-consent certificate` later")
    }
  }
}
