package import PrivacyCore
internal import Synchronization

/// A token bucket for each caller: so many calls a second, and so many at once after a pause.
package final class CallRate: Sendable {
  private struct Bucket {
    var tokens: Double
    var filledAt: Int64
  }

  private let perMicrosecond: Double
  private let capacity: Double
  private let time: any TimeSource
  private let buckets = Mutex<[String: Bucket]>([:])

  /// Callers beyond this many make the fullest buckets be forgotten, which costs nobody a call.
  private static let callerCountMax = 10_000

  package init(callsPerSecond: Int, callsInBurst: Int, time: any TimeSource) {
    perMicrosecond = Double(callsPerSecond) / 1e6
    capacity = Double(callsInBurst)
    self.time = time
  }

  /// Takes one call of this caller, or says when there will be one.
  package func take(_ caller: String) throws(VectorSearchError) {
    let now = time.monotonicMicroseconds
    let missing = buckets.withLock { buckets -> Double in
      var bucket = buckets[caller] ?? Bucket(tokens: capacity, filledAt: now)
      let passed = Double(max(0, now - bucket.filledAt))
      bucket.tokens = min(capacity, bucket.tokens + passed * perMicrosecond)
      bucket.filledAt = now
      let missing = max(0, 1 - bucket.tokens)
      if missing == 0 { bucket.tokens -= 1 }
      if buckets[caller] == nil, buckets.count >= Self.callerCountMax {
        // A full bucket is the same as none.
        buckets = buckets.filter {
          $0.value.tokens + Double(now - $0.value.filledAt) * perMicrosecond < capacity
        }
      }
      buckets[caller] = bucket
      return missing
    }
    guard missing > 0 else { return }
    throw .rateLimited(retryAfterMs: max(1, Int((missing / perMicrosecond / 1_000).rounded(.up))))
  }
}
