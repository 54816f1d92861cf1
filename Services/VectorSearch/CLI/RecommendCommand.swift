internal import ArgumentParser
internal import Foundation
internal import PrivacyCore
internal import ServiceKit
internal import VectorsAPI

/// Which items may be recommended, as a person writes it.
enum CandidatesName: String, CaseIterable, ExpressibleByArgument {
  case all, new

  var message: Candidates {
    switch self {
    case .all: .all
    case .new: .new
    }
  }
}

/// `recommend`: what to recommend.
struct RecommendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recommend",
    abstract: "Say what to recommend to a person, or to a stranger, and why.",
    discussion: """
      For a person the recommendations come from that person's own history, if the scope is allowed \
      now, and from what was learned privately from many. Where it is not allowed, or nothing is \
      known, they are those for a stranger: the same for everyone. The answer says which it is, and \
      for each item why.

      With --as-of the history is read as of that time; consent is always that of now. Noise blurs \
      the person's taste before it is used, and the answer says what that buys.

      Examples:
        tacit-vectors recommend --pid PID --collection items \\
            --history-feature purchases:items --scope product_recs
        tacit-vectors recommend --pid PID --collection items --candidates new --k 5 \\
            --history-feature purchases:items --scope product_recs \\
            --purpose newsletter
        tacit-vectors recommend --stranger --collection items
      """)

  // One pid in 64 begins with a dash.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The person: 43 characters, with or without hmac:sha256:.", valueName: "pid"),
    transform: Reading.pid)
  var pid: PseudonymousID?
  @Flag(help: "Nobody in particular.") var stranger = false
  @Option(help: "The collection of items, with a model published to it.") var collection: String
  @Option(help: "all items, or only those new to this person.")
  var candidates: CandidatesName = .all
  @Option(help: "The person's history: a tally feature as view:feature.")
  var historyFeature: String?
  @Option(help: "The scope the person must have allowed.") var scope: String?
  @Option(
    help: ArgumentHelp("As of what time the history is read; now.", valueName: "time"),
    transform: Reading.time)
  var asOf: Timestamp?
  @OptionGroup var ask: AskOptions
  @OptionGroup var token: TokenOption
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    struct RecommendationView: Encodable {
      let item: String
      let score: Float
      let because: String
    }

    let recommendations: [RecommendationView]
    let basis: String
    let reason: String?
    let modelID: String
    let consentID: String?
    let noise: NoiseView?
    let auditSequence: UInt64

    enum CodingKeys: String, CodingKey {
      case recommendations, basis, reason
      case modelID = "model_id"
      case consentID = "consent_id"
      case noise
      case auditSequence = "audit_sequence"
    }

    init(_ reply: RecommendReply) {
      recommendations = reply.recommendations.map {
        RecommendationView(item: $0.item, score: $0.score, because: $0.because)
      }
      basis = reply.basis.text
      reason = reply.reason.isEmpty ? nil : reply.reason
      modelID = reply.modelID
      consentID = reply.consentID.isEmpty ? nil : reply.consentID
      noise = reply.noise.map(NoiseView.init)
      auditSequence = reply.auditSequence
    }
  }

  func validate() throws {
    guard (pid != nil) != stranger else {
      throw ValidationError("say with either --pid or --stranger for whom")
    }
    guard stranger || (historyFeature != nil && scope != nil) else {
      throw ValidationError("with --pid, --history-feature and --scope are needed as well")
    }
  }

  func run() async throws {
    let request = RecommendRequest(
      pid: pid?.bytes ?? [], collection: collection, k: ask.k, candidates: candidates.message,
      historyFeature: historyFeature ?? "", scope: scope ?? "", asOfUs: asOf?.microseconds ?? 0,
      noiseSigma: ask.noiseSigma, purpose: ask.purpose, atLeast: token.token)
    let answer = Answer(
      try await client.with(.vectors) {
        try await VectorsClient($0).recommend(request, options: client.callOptions)
      })
    if client.json { try printJSON(answer) } else { show(answer) }
  }

  private func show(_ answer: Answer) {
    if let consentID = answer.consentID {
      print("\(answer.basis): from this person's own history, allowed by \(consentID)")
    } else {
      print("\(answer.basis): the same for everyone, because \(answer.reason ?? "it must be")")
    }
    var table = Table("rank", "item", "score", "because")
    for (index, recommendation) in answer.recommendations.enumerated() {
      table.add(
        "\(index + 1)", recommendation.item, String(format: "%.3f", recommendation.score),
        recommendation.because)
    }
    if answer.recommendations.isEmpty {
      print("there is nothing to recommend")
    } else {
      table.show()
    }
    if let noise = answer.noise {
      print(noise.text)
    } else if ask.noiseSigma > 0 {
      print("no noise was added: nothing of a person is in the answer")
    }
    print("model \(answer.modelID), audit entry \(answer.auditSequence)")
  }
}

extension Basis {
  /// The basis in a word.
  fileprivate var text: String {
    switch self {
    case .personal: "personal"
    case .anonymous: "anonymous"
    case .unspecified, .unrecognized: "unknown"
    }
  }
}
