internal import Foundation

/// What one person adds to the popularity of items: recent first purchases count most.
///
/// For each item the greatest over the person's purchase days of exp(-age / 20), times 0.4 unless
/// it is the day of the person's first purchase of that item. First is judged on the person's own
/// history alone, so that nobody's vector depends on anybody else's. Clipped to an L2 norm of 2.
package enum PurchasePopularity {
  /// The name under which models state this rule.
  package static let algorithm = "first-purchases/v1"
  /// Days after which a purchase counts 1/e.
  package static let decayDays = 20.0
  /// What a repeated purchase counts, relative to the first.
  package static let repeatWeight = 0.4
  /// The L2 norm that a person's vector is clipped to.
  package static let clippingNorm = 2.0

  /// One item in a person's history.
  package struct Purchases: Sendable {
    /// The item's place in the catalogue.
    package let item: Int
    /// The earliest day known, counted from the epoch.
    package let firstDay: Int
    /// The latest day.
    package let lastDay: Int
    /// Whether `firstDay` is the first of all: not where earlier days were cut off.
    package let isFirstKnown: Bool

    package init(item: Int, firstDay: Int, lastDay: Int, isFirstKnown: Bool = true) {
      self.item = item
      self.firstDay = firstDay
      self.lastDay = lastDay
      self.isFirstKnown = isFirstKnown
    }

    /// The weight at `cutDay`; an age is at least one whole day.
    package func weight(cutDay: Int) -> Double {
      // Of the repeated purchases the latest counts most.
      func decayed(_ day: Int) -> Double { exp(-Double(max(1, cutDay - day)) / decayDays) }
      let first = isFirstKnown ? decayed(firstDay) : 0
      let isRepeated = lastDay != firstDay || !isFirstKnown
      return isRepeated ? max(first, repeatWeight * decayed(lastDay)) : first
    }
  }

  /// The person's vector over the catalogue. Each item may occur once.
  package static func vector(
    of history: [Purchases], cutDay: Int, latticeNorm: Int
  ) -> LatticeVector {
    LatticeVector(
      indices: history.map(\.item), weights: history.map { $0.weight(cutDay: cutDay) },
      clippingNorm: clippingNorm, latticeNorm: latticeNorm)
  }
}
