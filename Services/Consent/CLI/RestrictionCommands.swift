internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import ServiceKit

/// `restrict`: records that a use must stop for now.
struct RestrictCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restrict",
    abstract: "Stop a use for now (GDPR article 18); answered when nothing serves it any more.",
    discussion: """
      What was given stays and counts again when the restriction is lifted; what is kept is kept. \
      Without --scope everything is restricted.

      Example:
        tacit-consent restrict --pid PID --scope analytics --source letter-2026-11
      """)

  @OptionGroup var person: PersonOption
  @Option(
    name: .customLong("scope"),
    help: "A scope restricted; may be given several times. None: all of them.")
  var scopes: [String] = []
  @Option(help: "Where it was asked.") var source = ""
  @OptionGroup var actor: ActorOptions
  @OptionGroup var request: RequestKeyOption
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let message = RestrictUseRequest(
      pid: person.pid.bytes, scopes: scopes, source: source, idempotencyKey: request.key,
      details: actor.details)
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).restrictUse(message, options: client.callOptions)
    }
    try reply.show(json: client.json)
  }
}

/// `lift`: records that a restriction is over.
struct LiftCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lift",
    abstract: "Lift a restriction: what was given before counts again.",
    discussion: """
      Without --scope all restrictions of the person are lifted.

      Example:
        tacit-consent lift --pid PID --scope analytics --source letter-2026-12
      """)

  @OptionGroup var person: PersonOption
  @Option(
    name: .customLong("scope"),
    help: "A scope that may be used again; may be given several times. None: all of them.")
  var scopes: [String] = []
  @Option(help: "Where it was decided.") var source = ""
  @OptionGroup var actor: ActorOptions
  @OptionGroup var request: RequestKeyOption
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let message = LiftRestrictionRequest(
      pid: person.pid.bytes, scopes: scopes, source: source, idempotencyKey: request.key,
      details: actor.details)
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).liftRestriction(message, options: client.callOptions)
    }
    guard let receipt = reply.receipt.map(ReceiptView.init) else { return }
    try WriteAnswer(receipt: receipt, token: reply.token.map(TokenText.text))
      .show(json: client.json, "lifted")
  }
}

/// `object`: records that a person objects.
struct ObjectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "object",
    abstract: "Record an objection (GDPR article 21); answered when nothing serves it any more.",
    discussion: """
      Takes back like a withdrawal, with a reason of its own. Without --scope it is against \
      everything.

      Example:
        tacit-consent object --pid PID --scope marketing --source letter-2026-11
      """)

  @OptionGroup var person: PersonOption
  @Option(
    name: .customLong("scope"),
    help: "A scope objected to; may be given several times. None: all of them.")
  var scopes: [String] = []
  @Option(help: "Where it was said.") var source = ""
  @OptionGroup var actor: ActorOptions
  @OptionGroup var request: RequestKeyOption
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let message = ObjectRequest(
      pid: person.pid.bytes, scopes: scopes, source: source, idempotencyKey: request.key,
      details: actor.details)
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).object(message, options: client.callOptions)
    }
    try reply.show(json: client.json)
  }
}

extension BarrierReply {
  fileprivate func show(json: Bool) throws {
    guard let receipt = receipt.map(ReceiptView.init) else { return }
    let answer = WriteAnswer(
      receipt: receipt, gates: gates.map(GateOutcomeView.init),
      barrierMs: Double(barrierUs) / 1_000, token: token.map(TokenText.text))
    try answer.show(json: json, "in force everywhere after \(Double(barrierUs) / 1_000) ms")
  }
}
