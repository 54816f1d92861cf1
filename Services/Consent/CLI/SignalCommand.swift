internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import RPC
internal import ServiceKit

/// `signal`: what a person's browser says.
struct SignalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "signal",
    abstract: "Record what a person's browser says: Sec-GPC, or a TC string.",
    discussion: """
      --gpc takes the value of the header field Sec-GPC. "1" is an opt-out: the scopes that sell, \
      share or advertise (`serve --gpc-scopes`) are taken back, whether or not they had been \
      allowed, and the answer comes when nothing serves them any more. Any other value says nothing \
      and nothing is recorded.

      --tcf takes the string of a consent dialogue of the IAB TCF 2.x: it allows and refuses the \
      scopes that `serve --tcf-scopes` gives purposes to. Only consent allows, a legitimate \
      interest does not. `tcf decode` shows what a string says.

      The same signal again is answered with the receipt that is there.

      Examples:
        tacit-consent signal --pid PID --gpc 1 --source shop.example
        tacit-consent signal --pid PID --tcf CPXxRfAPXxRfA… --vendor 755 --json
      """)

  @OptionGroup var person: PersonOption
  @Option(help: ArgumentHelp("The value of Sec-GPC.", valueName: "value")) var gpc: String?
  @Option(help: ArgumentHelp("A TC string.", valueName: "string")) var tcf: String?
  @Option(
    help: "For --tcf: our number in the Global Vendor List; left out: we are the publisher.")
  var vendor: UInt32?
  @Option(
    help: "For --tcf: the version of the notice the person saw; left out: the vendor list's.")
  var noticeVersion: UInt32?
  @Option(help: "Where it was said: a site or an app.") var source = ""
  @OptionGroup var client: ClientOptions

  func validate() throws {
    guard (gpc == nil) != (tcf == nil) else { throw ValidationError("say either --gpc or --tcf") }
    guard tcf != nil || (vendor == nil && noticeVersion == nil) else {
      throw ValidationError("--vendor and --notice-version need --tcf")
    }
  }

  func run() async throws {
    var request = RecordSignalRequest(pid: person.pid.bytes, source: source)
    if let gpc { request.signal = .gpc(gpc) }
    if let tcf {
      request.signal = .tcf(
        TCFSignal(text: tcf, vendor: vendor ?? 0, version: noticeVersion ?? 0))
    }
    let message = request
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).recordSignal(message, options: client.callOptions)
    }
    guard let receipt = reply.receipt.map(ReceiptView.init) else {
      if client.json { return try printJSON(NoSignal()) }
      return print("this says nothing; nothing was recorded")
    }
    let answer = WriteAnswer(
      receipt: receipt, created: reply.created, gates: reply.gates.map(GateOutcomeView.init),
      token: reply.token.map(TokenText.text))
    try answer.show(json: client.json, reply.created ? "recorded" : "recorded already")
  }

  private struct NoSignal: Encodable {
    let created = false
  }
}
