internal import Glibc

/// Admits adaptively chosen charges as long as everything admitted stays within one (epsilon,
/// delta) budget, whoever chooses them and whatever they learned from earlier answers.
///
/// At one fixed order a running sum below a fixed bound is a valid filter (Feldman and Zrnic
/// 2021; Lécuyer 2021). Several orders at once are not, because answers can steer which one
/// survives; so each order gets its own share of delta and the shares add up to the budget's. The
/// order that suits Gaussian charges best has half of it, which costs about 2 % of epsilon.
/// A filter is a pure function of its budget and its charges: a ledger can rebuild it.
public struct RenyiFilter: Hashable, Sendable {
  /// The part of delta kept for `PrivacyCharge.additionalDelta`.
  private static let additionalDeltaShare = 0.1
  private static let sideOrders: [Double] = [
    1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256,
  ]

  /// The budget, fixed at the start.
  public let budget: PrivacyParameters
  /// The number of charges admitted.
  public private(set) var admittedCount = 0
  private let orders: [Double]
  /// What the losses may come to at each order; below 0 where the order can never hold.
  private let limits: [Double]
  private var losses: [Double]
  private var additionalDelta = 0.0

  /// A filter with the whole budget left.
  public init(budget: PrivacyParameters) {
    self.budget = budget
    let delta = budget.delta.value * (1 - Self.additionalDeltaShare)
    let orders = [Self.bestGaussianOrder(for: budget)] + Self.sideOrders
    self.orders = orders
    limits = orders.enumerated().map { index, order in
      let share = index == 0 ? 0.5 : 0.5 / Double(Self.sideOrders.count)
      return budget.epsilon.value - renyiConversionTerm(order: order, delta: delta * share)
    }
    losses = [Double](repeating: 0, count: orders.count)
  }

  /// Whether the charge fits what is left. Microseconds; tens of them for a sampled charge.
  public func admits(_ charge: PrivacyCharge) -> Bool { sum(with: charge) != nil }

  /// Adds the charge, or throws `budgetExceeded` and stays as it was.
  public mutating func admit(_ charge: PrivacyCharge) throws(DifferentialPrivacyError) {
    guard let sum = sum(with: charge) else { throw .budgetExceeded }
    losses = sum.losses
    additionalDelta = sum.additionalDelta
    admittedCount += 1
  }

  /// The epsilon that everything admitted so far would come to at the budget's delta: what to
  /// show as spent. Never above the budget's epsilon; 0 before the first charge.
  public var epsilonSpent: Double {
    guard losses.contains(where: { $0 > 0 }) else { return 0 }
    var least = budget.epsilon.value
    for index in losses.indices {
      least = min(least, budget.epsilon.value - (limits[index] - losses[index]))
    }
    return max(0, least)
  }

  /// The share of the budget in use, 0...1: the fullness of the emptiest order. Grows evenly with
  /// equal charges, unlike epsilon.
  public var fractionSpent: Double {
    var least = 1.0
    for (loss, limit) in zip(losses, limits) where limit > 0 { least = min(least, loss / limit) }
    return max(least, additionalDelta / additionalDeltaLimit)
  }

  private var additionalDeltaLimit: Double { budget.delta.value * Self.additionalDeltaShare }

  private func sum(with charge: PrivacyCharge) -> (losses: [Double], additionalDelta: Double)? {
    let newDelta = additionalDelta + charge.additionalDelta
    guard newDelta <= additionalDeltaLimit else { return nil }
    var newLosses = losses
    var holds = false
    for index in orders.indices {
      newLosses[index] += charge.renyiDivergence(order: orders[index])
      if newLosses[index] <= limits[index] { holds = true }
    }
    return holds ? (newLosses, newDelta) : nil
  }

  /// 1 + sqrt(log(1 / delta) / rho) for the rho that spends the budget: the best order when the
  /// charges are Gaussian. Rounded to a whole number, which is exact and cheap for sampled ones.
  private static func bestGaussianOrder(for budget: PrivacyParameters) -> Double {
    let logInverseDelta = -log(budget.delta.value / 2)
    // From epsilon = rho + 2 sqrt(rho log(1 / delta)).
    let rootRho =
      (logInverseDelta + budget.epsilon.value).squareRoot() - logInverseDelta.squareRoot()
    return min(max(2, (1 + logInverseDelta.squareRoot() / rootRho).rounded()), 4096)
  }
}
