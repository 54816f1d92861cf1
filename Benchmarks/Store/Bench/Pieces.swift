internal import Cryptography
internal import PrivacyCore

/// What the parts of a write and a get cost alone, in nanoseconds.
enum Pieces {
  static func run(_ arguments: Arguments) throws {
    let count = arguments.number("count", default: 1_000_000)
    let key = try BenchStore.sealingKey()
    let place = [UInt8](repeating: 7, count: 34)
    let plaintext = BenchStore.value(1)
    var sealed: [UInt8] = []
    let seal = try nanoseconds(count) { _ in
      sealed.removeAll(keepingCapacity: true)
      try plaintext.withUnsafeBytes { plaintext in
        try place.withUnsafeBytes { try key.seal(plaintext, associatedData: $0, into: &sealed) }
      }
    }
    var sum = 0
    let open = try nanoseconds(count) { _ in
      sum += try key.open(sealed, associatedData: place).count
    }
    let pid = nanoseconds(count) { sum += BenchStore.pid($0).hashValue & 1 }
    let value = nanoseconds(count) { sum += BenchStore.value($0).count }
    guard sum > 0 else { throw UsageError(text: "nothing was done") }
    printReport(["seal_ns": seal, "open_ns": open, "pid_ns": pid, "value_ns": value])
  }

  private static func nanoseconds(_ count: Int, _ body: (Int) throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    for number in 0..<count { try body(number) }
    return (ContinuousClock.now - start) / .nanoseconds(1) / Double(count)
  }
}
