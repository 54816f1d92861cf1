internal import Foundation

/// Prints figures as one line of JSON.
func report(_ figures: [String: Double]) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys]
  print(String(decoding: try encoder.encode(figures), as: UTF8.self))
}

/// How long things took, in microseconds.
struct Durations: Sendable {
  private var microseconds: [Double] = []

  mutating func add(_ duration: Duration) { microseconds.append(duration / .microseconds(1)) }

  mutating func add(_ other: Durations) { microseconds += other.microseconds }

  var count: Int { microseconds.count }

  /// p50, p99 and the worst, under these names and `unit`, each divided by `scale`.
  func figures(_ name: String, unit: String, per scale: Double = 1) -> [String: Double] {
    let sorted = microseconds.sorted()
    guard let worst = sorted.last else { return [:] }
    return [
      "\(name)_p50_\(unit)": sorted[sorted.count / 2] / scale,
      "\(name)_p99_\(unit)": sorted[min(sorted.count - 1, sorted.count * 99 / 100)] / scale,
      "\(name)_worst_\(unit)": worst / scale,
    ]
  }
}
