/// An (epsilon, delta) guarantee or budget.
public struct PrivacyParameters: Hashable, Sendable {
  /// The bound on the privacy loss.
  public let epsilon: Epsilon
  /// The probability with which the bound may fail.
  public let delta: Delta

  /// The pair of two values that are already valid.
  public init(epsilon: Epsilon, delta: Delta) {
    self.epsilon = epsilon
    self.delta = delta
  }

  /// The pair of two plain numbers; refuses what `Epsilon` and `Delta` refuse.
  public init(epsilon: Double, delta: Double) throws(DifferentialPrivacyError) {
    self.init(epsilon: try Epsilon(epsilon), delta: try Delta(delta))
  }
}
