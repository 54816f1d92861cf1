/// How often a mechanism runs.
public struct StepCount: Hashable, Sendable {
  /// Rounding errors stay below the accountant's own tolerance up to here.
  public static let range: ClosedRange<Int> = 0...100_000_000
  /// One run.
  public static let one = StepCount(unchecked: 1)

  /// The number of runs.
  public let value: Int

  /// Refuses what lies outside `range`.
  public init(_ value: Int) throws(DifferentialPrivacyError) {
    guard Self.range.contains(value) else { throw .invalidStepCount(value) }
    self.value = value
  }

  private init(unchecked value: Int) { self.value = value }
}
