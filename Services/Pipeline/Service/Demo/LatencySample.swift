/// Durations of one kind of call, in milliseconds.
package struct LatencySample: Sendable {
  package private(set) var milliseconds: [Double] = []

  package init() {}

  package mutating func add(microseconds: Int64) {
    milliseconds.append(Double(microseconds) / 1_000)
  }

  /// The smallest value that so large a share of the sample does not exceed; 0 for none.
  ///
  /// - Parameter share: in 0...1.
  package func quantile(_ share: Double) -> Double {
    guard !milliseconds.isEmpty else { return 0 }
    let sorted = milliseconds.sorted()
    let rank = Int((share * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank - 1, 0), sorted.count - 1)]
  }
}
