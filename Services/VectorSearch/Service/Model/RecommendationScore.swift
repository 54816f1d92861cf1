internal import Foundation
internal import PrivacyCore
internal import VectorIndex

/// The scores of all items for one person: what sells now, what resembles the person's things, and
/// what the person buys again.
///
/// With y the private popularity, Y the mean of its 20 greatest values (4 at least), f the item's
/// vector in the coordinates of `ItemTraits`, and r_j = sqrt(sum over the days of item j of
/// exp(-age / 300)):
///
///     score_i = sqrt(y_i / Y) + 40 f_i · (sum r_j f_j / (5 + sum r_j)) + 2 r_i
///
/// The person's own history is read for that person alone, at serving time: it costs no privacy.
/// docs/decisions/0003-recommendation-score.md says how the constants were chosen.
package struct RecommendationScore: Sendable {
  /// The part of the score that comes of likeness to the person's items.
  package let likeness: [Float]
  /// The whole.
  package let total: [Float]

  private static let likenessWeight: Float = 40
  private static let habitWeight: Float = 2
  private static let habitDays: Float = 300
  private static let restraint: Float = 5

  /// - Parameters:
  ///   - day: the day of the recommendation, counted from the epoch.
  ///   - noise: what is added to the direction of the person's taste vector.
  init(
    of history: PersonHistory, on shelf: ItemShelf, day: Int32, noise: VectorNoise? = nil,
    random: any RandomSource
  ) throws(VectorSearchError) {
    var taste = [Float](repeating: 0, count: shelf.index.dimension)
    var habits: [(place: Int, habit: Float)] = []
    var sum = Self.restraint
    for item in history.items {
      let habit = Self.habit(item.days, on: day)
      shelf.traits.tastes.add(item.place, times: habit, to: &taste)
      habits.append((item.place, habit))
      sum += habit
    }
    for index in taste.indices { taste[index] *= Self.likenessWeight / sum }
    if let noise { taste = try Self.blurred(taste, by: noise, random) }
    likeness = shelf.traits.tastes.innerProducts(with: taste)
    var total = shelf.traits.demand
    for place in total.indices { total[place] += likeness[place] }
    for (place, habit) in habits { total[place] += Self.habitWeight * habit }
    self.total = total
  }

  /// How much of a habit an item is: more for more days, less for old ones.
  private static func habit(_ days: [Int32], on day: Int32) -> Float {
    days.reduce(Float(0)) { $0 + exp(-Float(max(1, day - $1)) / habitDays) }.squareRoot()
  }

  /// The vector with noise on its direction; its length stays.
  private static func blurred(
    _ taste: [Float], by noise: VectorNoise, _ random: any RandomSource
  ) throws(VectorSearchError) -> [Float] {
    let length = taste.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
    guard length > 0 else { return taste }
    return try noise.added(to: taste.map { $0 / length }, random: random).map { $0 * length }
  }
}
