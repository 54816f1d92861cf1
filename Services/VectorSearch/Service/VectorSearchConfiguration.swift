package import Renaming

/// The settings of vector search.
package struct VectorSearchConfiguration: Sendable {
  /// The most results of one call, 1 to 100. 20 by default: who asks for more wants the
  /// collection, not a recommendation.
  package var resultCountMax = 20
  /// How many searches and recommendations a caller may have in a second, 1 to 1,000,000. 2,000 by
  /// default.
  package var callsPerSecond = 2_000
  /// How many of them at once after a pause, 1 to 1,000,000. 4,000 by default.
  package var callsInBurst = 4_000
  /// The most collections, 1 to 10,000. 100 by default.
  package var collectionCountMax = 100
  /// The most vectors of a collection, 1 to 10,000,000. 1,000,000 by default.
  package var vectorCountMax = 1_000_000
  /// About how many subject keys are kept in memory. 200,000 by default.
  package var subjectKeyCountMax = 200_000
  /// The delta at which the meaning of noise is stated, above 0 and below 1. 10^-5 by default.
  package var noiseDelta = 1e-5
  /// How fast the vectors of people are moved to new pids. 10,000 rows a second by default.
  package var rekeyPace = RekeyPace()

  /// The defaults.
  package init() {}

  /// What is wrong with it, or `nil`.
  package var fault: String? {
    func fault(_ name: String, _ value: Int, _ range: ClosedRange<Int>) -> String? {
      range.contains(value)
        ? nil : "\(name) must be \(range.lowerBound) to \(range.upperBound), not \(value)"
    }
    if let fault = fault("the most results of a call", resultCountMax, 1...100)
      ?? fault("the calls per second", callsPerSecond, 1...1_000_000)
      ?? fault("the calls in a burst", callsInBurst, 1...1_000_000)
      ?? fault("the most collections", collectionCountMax, 1...10_000)
      ?? fault("the most vectors of a collection", vectorCountMax, 1...10_000_000)
      ?? fault("the subject keys in memory", subjectKeyCountMax, 2...100_000_000)
    {
      return fault
    }
    return noiseDelta > 0 && noiseDelta < 1
      ? nil : "the delta of noise lies above 0 and below 1, not at \(noiseDelta)"
  }
}

/// A configuration that the service cannot start with.
package struct VectorSearchSetupError: Error, CustomStringConvertible {
  package let description: String
}
