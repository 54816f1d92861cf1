internal import ArgumentParser
internal import ConsentAPI
internal import Foundation
internal import PrivacyCore
internal import ServiceKit

/// `withdraw`: records that a person, or many, take consent back.
struct WithdrawCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "withdraw",
    abstract: "Take consent back; answered when nothing serves it any more.",
    discussion: """
      Without --scope everything is taken back. The answer lists each gate that had to know and \
      whether it confirmed; one that did not can not serve, because its lease has run out. What is \
      taken back takes its parts along.

      With --pids a file names many people, one pid a line, up to 10,000: they share transactions \
      and barriers.

      Examples:
        tacit-consent withdraw --pid PID --scope analytics --source web-portal:v2
        tacit-consent withdraw --pids people.txt --source campaign-end --json
      """)

  // One pid in 64 begins with a dash.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The person: 43 characters, with or without hmac:sha256:.", valueName: "pid"),
    transform: Reading.pid)
  var pid: PseudonymousID?
  @Option(help: ArgumentHelp("A file of pids, one a line; - is standard input.", valueName: "file"))
  var pids: String?
  @Option(
    name: .customLong("scope"),
    help: "A scope taken back; may be given several times. None: all of them.")
  var scopes: [String] = []
  @Option(help: "Where it was said.") var source = ""
  @OptionGroup var actor: ActorOptions
  @OptionGroup var request: RequestKeyOption
  @OptionGroup var client: ClientOptions

  func validate() throws {
    guard (pid == nil) != (pids == nil) else {
      throw ValidationError("say with either --pid or --pids whose consent is taken back")
    }
  }

  func run() async throws {
    if let pids { return try await withdraw(people: pids) }
    guard let pid else { return }
    let message = WithdrawRequest(
      pid: pid.bytes, scopes: scopes, source: source, idempotencyKey: request.key,
      details: actor.details)
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).withdraw(message, options: client.callOptions)
    }
    guard let receipt = reply.receipt.map(ReceiptView.init) else { return }
    let answer = WriteAnswer(
      receipt: receipt, gates: reply.gates.map(GateOutcomeView.init),
      barrierMs: Double(reply.barrierUs) / 1_000, token: reply.token.map(TokenText.text))
    try answer.show(
      json: client.json, "in force everywhere after \(Double(reply.barrierUs) / 1_000) ms")
  }

  private struct ManyAnswer: Encodable {
    struct BarrierView: Encodable {
      let people: UInt32
      let lastSequence: UInt64
      let barrierMs: Double
      let gates: [GateOutcomeView]

      enum CodingKeys: String, CodingKey {
        case people, gates
        case lastSequence = "last_sequence"
        case barrierMs = "barrier_ms"
      }
    }

    let people: Int
    let withdrawnBefore: Int
    let barriers: [BarrierView]
    let token: String?

    enum CodingKeys: String, CodingKey {
      case people, barriers, token
      case withdrawnBefore = "withdrawn_before"
    }
  }

  private func withdraw(people file: String) async throws {
    let message = WithdrawManyRequest(
      pids: try PeopleFile.read(file).map(\.bytes), scopes: scopes, source: source,
      idempotencyKey: request.key,
      details: actor.details)
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).withdrawMany(message, options: client.callOptions)
    }
    let answer = ManyAnswer(
      people: reply.people.count, withdrawnBefore: reply.people.count { !$0.created },
      barriers: reply.barriers.map {
        ManyAnswer.BarrierView(
          people: $0.people, lastSequence: $0.lastSequence,
          barrierMs: Double($0.barrierUs) / 1_000, gates: $0.gates.map(GateOutcomeView.init))
      },
      token: reply.token.map(TokenText.text))
    if client.json { return try printJSON(answer) }
    print("\(answer.people) people, \(answer.withdrawnBefore) of them withdrawn before")
    for barrier in answer.barriers {
      print("\(barrier.people) people, in force everywhere after \(barrier.barrierMs) ms")
      GateOutcomeView.show(barrier.gates)
    }
    if let token = answer.token { print("token: \(token)") }
  }
}
