/// Adds up Rényi divergences at fixed orders: cheap, sound for any sequence of charges fixed in
/// advance, and a few per cent above `PrivacyPlan`'s tight answer.
///
/// For charges chosen after seeing earlier answers use `RenyiFilter`.
public struct RenyiAccountant: Hashable, Sendable {
  /// The orders of every accountant, ascending. Stored losses belong to exactly these.
  public static let orders: [Double] =
    (11...109).map { Double($0) / 10 } + (11...64).map(Double.init)
    + [72, 80, 96, 112, 128, 160, 192, 256, 384, 512, 1024]

  /// The loss so far at each of `orders`, in nats.
  public private(set) var losses: [Double]
  /// The failure probability so far that comes on top of the Rényi loss.
  public private(set) var additionalDelta = 0.0

  /// Nothing spent.
  public init() { losses = [Double](repeating: 0, count: Self.orders.count) }

  /// Adds one charge. A sampled one takes about a millisecond.
  public mutating func add(_ charge: PrivacyCharge) {
    for (index, order) in Self.orders.enumerated() {
      losses[index] += charge.renyiDivergence(order: order)
    }
    additionalDelta += charge.additionalDelta
  }

  /// An epsilon so that everything added is (epsilon, delta)-private; infinity when `delta` does
  /// not even cover the additional failure probability.
  public func epsilon(at delta: Delta) -> Double {
    let rest = delta.value - additionalDelta
    guard rest > 0 else { return .infinity }
    var best = Double.infinity
    for (loss, order) in zip(losses, Self.orders) {
      best = min(best, loss + renyiConversionTerm(order: order, delta: rest))
    }
    // Nothing spent is nothing lost, whatever the conversion says.
    if losses.allSatisfy({ $0 == 0 }) { return 0 }
    return max(0, best)
  }
}
