package import PrivacyCore

/// The leases of a gate: until when it may serve, on its own monotonic clock.
///
/// A lease counts only once the gate knows every change up to the lease's position; until then it
/// is kept, because the changes may be on their way.
package struct LeaseBook: Sendable {
  private struct Pending {
    let until: Int64
    let sequence: LogSequenceNumber
  }

  /// How many leases may wait; older ones are dropped.
  private static let pendingCountMax = 16

  /// The end of the lease that counts (exclusive), in microseconds of the monotonic clock.
  package private(set) var liveUntil = Int64.min
  private var pending: [Pending] = []

  /// No leases.
  package init() {}

  /// Takes a lease that ends at `until` and asks for everything up to `sequence`.
  package mutating func add(until: Int64, sequence: LogSequenceNumber, applied: LogSequenceNumber) {
    pending.append(Pending(until: until, sequence: sequence))
    if pending.count > Self.pendingCountMax { pending.removeFirst() }
    advance(to: applied)
  }

  /// The gate now knows everything up to `applied`.
  package mutating func advance(to applied: LogSequenceNumber) {
    pending.removeAll { lease in
      guard lease.sequence <= applied else { return false }
      liveUntil = max(liveUntil, lease.until)
      return true
    }
  }
}
