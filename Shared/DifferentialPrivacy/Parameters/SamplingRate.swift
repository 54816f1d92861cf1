/// The probability with which each person takes part in a step, independently (Poisson sampling).
///
/// Batches of a fixed size need another bound: passing their ratio here understates the loss.
public struct SamplingRate: Hashable, Sendable {
  /// Everybody takes part.
  public static let everybody = SamplingRate(unchecked: 1)

  /// The probability, in 0...1.
  public let value: Double

  /// Refuses what lies outside 0...1, and NaN.
  public init(_ value: Double) throws(DifferentialPrivacyError) {
    guard value >= 0, value <= 1 else { throw .invalidSamplingRate(value) }
    self.value = value
  }

  private init(unchecked value: Double) { self.value = value }
}
