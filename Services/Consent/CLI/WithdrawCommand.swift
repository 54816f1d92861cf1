internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import ServiceKit

/// `withdraw`: records that a person takes consent back.
struct WithdrawCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "withdraw",
    abstract: "Take consent back; answered when nothing serves it any more.",
    discussion: """
      Without --scope everything is taken back. The answer lists each gate that had to know and \
      whether it confirmed; one that did not can not serve, because its lease has run out.

      Example:
        tacit-consent withdraw --pid PID --scope analytics --source web-portal:v2
      """)

  @OptionGroup var person: PersonOption
  @Option(
    name: .customLong("scope"),
    help: "A scope taken back; may be given several times. None: all of them.")
  var scopes: [String] = []
  @Option(help: "Where it was said.") var source = ""
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let receipt: ReceiptView
    let gates: [GateOutcomeView]
    let barrierMs: Double

    enum CodingKeys: String, CodingKey {
      case receipt, gates
      case barrierMs = "barrier_ms"
    }
  }

  func run() async throws {
    let request = WithdrawRequest(pid: person.pid.bytes, scopes: scopes, source: source)
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).withdraw(request, options: client.callOptions)
    }
    guard let receipt = reply.receipt.map(ReceiptView.init) else { return }
    let answer = Answer(
      receipt: receipt, gates: reply.gates.map(GateOutcomeView.init),
      barrierMs: Double(reply.barrierUs) / 1_000)
    if client.json { return try printJSON(answer) }
    print("in force everywhere after \(answer.barrierMs) ms")
    receipt.show()
    GateOutcomeView.show(answer.gates)
  }
}
