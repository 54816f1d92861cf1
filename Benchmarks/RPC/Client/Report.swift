/// How many calls there were, and how long they took.
struct Report: Sendable {
  var callCount = 0
  var measuredCount = 0
  var seconds = 0.0
  private var latencies: [Int32] = []

  mutating func record(nanoseconds: Int) { latencies.append(Int32(clamping: nanoseconds)) }

  mutating func add(_ other: Report) {
    callCount += other.callCount
    measuredCount += other.measuredCount
    latencies += other.latencies
  }

  var json: String {
    let sorted = latencies.sorted()
    func microseconds(_ share: Double) -> Double {
      guard !sorted.isEmpty else { return 0 }
      let index = min(sorted.count - 1, Int(Double(sorted.count) * share))
      return Double(sorted[index]) / 1_000
    }
    return "{\"calls\": \(measuredCount), \"calls_total\": \(callCount), "
      + "\"seconds\": \(seconds), \"calls_per_s\": \(Double(measuredCount) / max(seconds, 1e-9)), "
      + "\"p50_us\": \(microseconds(0.5)), \"p99_us\": \(microseconds(0.99))}"
  }
}
