internal import Foundation
internal import PrivacyCore
internal import VectorIndex

/// The scores of all items for one person, term by term: what is popular, what is like the
/// person's own items, and what the person has again and again.
struct RecommendationScore: Sendable {
  /// The part of the score that comes of likeness to the person's items.
  let likeness: [Float]
  /// The part that comes of the person's own history of the item; 0 for new ones.
  let habit: [Float]
  /// The whole.
  let total: [Float]

  private static let likenessWeight: Float = 20
  private static let habitWeight: Float = 30
  private static let habitDays: Float = 120

  /// - Parameters:
  ///   - day: the day of the recommendation, counted from the epoch.
  ///   - noise: what is added to the person's taste vector.
  init(
    of history: PersonHistory, on shelf: ItemShelf, day: Int32, noise: VectorNoise? = nil,
    random: any RandomSource
  ) throws(VectorSearchError) {
    var taste = [Float](repeating: 0, count: shelf.index.dimension)
    var own = [Float](repeating: 0, count: shelf.count)
    shelf.index.reading { slab in
      for item in history.items {
        let weight = item.days.reduce(Float(0)) { sum, then in
          sum + exp(-Float(max(1, day - then)) / Self.habitDays)
        }
        own[item.place] = weight
        slab.add(item.place, times: weight, to: &taste)
      }
    }
    let norm = taste.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
    if norm > 0 { for index in taste.indices { taste[index] /= norm } }
    if let noise { taste = try noise.added(to: taste, random: random) }
    for (index, mean) in shelf.traits.mean.enumerated() { taste[index] -= mean }
    var likeness = shelf.index.reading { $0.innerProducts(with: taste) }
    var habit = own
    var total = shelf.popularity
    for place in total.indices {
      likeness[place] *= Self.likenessWeight
      habit[place] =
        own[place] == 0
        ? 0
        : Self.habitWeight * own[place].squareRoot() * (1 + total[place] / 3).squareRoot()
      total[place] += likeness[place] + habit[place]
    }
    self.likeness = likeness
    self.habit = habit
    self.total = total
  }
}
