internal import PrivacyCore
internal import VectorIndex
internal import VectorsAPI

/// The answer to a caller, as it is being put together.
struct RecommendationAnswer: Sendable {
  var reply: RecommendReply

  init(modelID: String) { reply = RecommendReply(modelID: modelID) }

  /// The best items for a person.
  mutating func serve(
    _ score: RecommendationScore, of history: PersonHistory, to question: RecommendationQuestion,
    from shelf: ItemShelf
  ) {
    reply.basis = .personal
    reply.consentID = history.consentID.description
    reply.noise = question.noise?.meaning
    var total = score.total
    if question.isOnlyNew {
      for item in history.items { total[item.place] = -.infinity }
    }
    let day = Int32(clamping: question.asOf.day)
    var had: [Int: PersonHistory.Item] = [:]
    for item in history.items { had[item.place] = item }
    reply.recommendations = BestScores.places(of: total, limit: question.k).map { place in
      Recommendation(
        item: shelf.codes[place], score: total[place],
        because: Self.because(
          had[place], on: day, likeness: score.likeness[place],
          demand: shelf.traits.demand[place]))
    }
  }

  /// The same for everyone.
  mutating func serveStranger(
    because reason: String, _ question: RecommendationQuestion, from shelf: ItemShelf
  ) {
    reply.basis = .anonymous
    reply.reason = reason
    reply.recommendations = shelf.byPopularity.prefix(question.k).map { place in
      Recommendation(
        item: shelf.codes[place], score: shelf.popularity[place], because: "popular now")
    }
  }

  private static func because(
    _ item: PersonHistory.Item?, on day: Int32, likeness: Float, demand: Float
  ) -> String {
    guard let item, let last = item.days.last else {
      return likeness > demand ? "like what you buy" : "popular now"
    }
    let days = item.dayCount == 1 ? "1 day" : "\(item.dayCount) days"
    let age = max(0, day - last)
    return "bought on \(days), last \(age == 1 ? "1 day" : "\(age) days") ago"
  }
}
