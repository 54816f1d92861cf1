internal import ArgumentParser
internal import ConsentAPI
internal import ConsentService
internal import PrivacyCore
internal import ServiceKit

/// Who spoke for a person, as it is written on the command line.
enum ActorName: String, CaseIterable, ExpressibleByArgument {
  case person = "self"
  case guardian, agent
  case `import`
  case browserSignal = "browser-signal"

  var kind: ActorKind {
    switch self {
    case .person: .`self`
    case .guardian: .guardian
    case .agent: .agent
    case .import: .import
    case .browserSignal: .browserSignal
    }
  }
}

/// Who spoke, and the evidence.
struct ActorOptions: ParsableArguments {
  @Option(help: "Who spoke: self, guardian, agent, import or browser-signal.")
  var actor: ActorName?
  @Option(help: "A name of the agent, system or signal; never a person's.")
  var actorName: String?
  @Option(
    help: ArgumentHelp("For a guardian: when the person comes of age.", valueName: "time"),
    transform: Reading.time)
  var majority: Timestamp?
  @Option(
    help: ArgumentHelp(
      "SHA-256 of the evidence that is kept elsewhere, in hexadecimal.", valueName: "hash"))
  var evidence: String?

  func validate() throws {
    guard actor != nil || (actorName == nil && majority == nil) else {
      throw ValidationError("--actor-name and --majority need --actor")
    }
    if let evidence, Hexadecimal.decode(evidence)?.count != 32 {
      throw ValidationError("--evidence takes 64 hexadecimal digits")
    }
  }

  /// What it says; `nil` for nothing.
  var details: ReceiptDetails? {
    guard actor != nil || evidence != nil else { return nil }
    var details = ReceiptDetails()
    if let actor {
      details.actor = Actor(
        kind: actor.kind, name: actorName ?? "", majorityAtUs: majority?.microseconds ?? 0)
    }
    details.evidenceHash = evidence.flatMap { Hexadecimal.decode($0) } ?? []
    return details
  }
}

/// The caller's name for a write.
struct RequestKeyOption: ParsableArguments {
  @Option(
    name: .customLong("idempotency-key"),
    help: "A name for this request: again with the same content it is answered as before.")
  var key = ""
}

/// A receipt with the token of its position, as commands answer a write.
struct WriteAnswer: Encodable {
  let receipt: ReceiptView
  var created: Bool?
  var gates: [GateOutcomeView]?
  var barrierMs: Double?
  let token: String?

  enum CodingKeys: String, CodingKey {
    case receipt, created, gates
    case barrierMs = "barrier_ms"
    case token
  }

  func show(json: Bool, _ headline: String) throws {
    if json { return try printJSON(self) }
    print(headline)
    receipt.show()
    if let gates { GateOutcomeView.show(gates) }
    if let token { print("token: \(token)") }
  }
}
