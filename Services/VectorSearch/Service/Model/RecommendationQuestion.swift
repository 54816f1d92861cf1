internal import PrivacyCore
internal import VectorsAPI

/// What a caller asks, checked.
struct RecommendationQuestion: Sendable {
  /// Whose history is used, and what for.
  struct Person: Sendable {
    let pid: PseudonymousID
    /// What the person must have allowed.
    let scope: Scope
    /// The history as "view:feature".
    let historyFeature: String
  }

  /// The person; `nil` for a stranger.
  let person: Person?
  /// How many.
  let k: Int
  /// Whether items that the person has had are left out.
  let isOnlyNew: Bool
  let asOf: Timestamp
  let noise: VectorNoise?
  let purpose: String

  init(
    _ request: RecommendRequest, _ configuration: VectorSearchConfiguration, now: Timestamp
  ) throws(VectorSearchError) {
    guard request.k >= 1, request.k <= configuration.resultCountMax else {
      throw .badResultCount(limit: configuration.resultCountMax)
    }
    k = Int(request.k)
    guard request.asOfUs >= 0 else { throw .badTime }
    asOf = request.asOfUs == 0 ? now : Timestamp(microseconds: request.asOfUs)
    noise = try VectorNoise(sigma: request.noiseSigma, delta: configuration.noiseDelta)
    isOnlyNew = request.candidates == .new
    purpose = request.purpose
    guard !request.pid.isEmpty else {
      person = nil
      return
    }
    guard let pid = PseudonymousID(bytes: request.pid) else { throw .badPID }
    guard let scope = Scope(request.scope) else { throw .badName("scope") }
    let parts = request.historyFeature.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ NameRule.accepts($0) }) else { throw .badFeature }
    person = Person(pid: pid, scope: scope, historyFeature: request.historyFeature)
  }
}
