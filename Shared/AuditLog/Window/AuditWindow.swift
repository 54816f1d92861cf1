public import PrivacyCore

/// What a log says of a time window: who did what to whom.
public struct AuditWindow: Sendable {
  /// The most pairs of a line and a person that a window is counted up to.
  public static let pairCountMax = 2_000_000

  /// How often one caller did one thing for one purpose.
  public struct Line: Sendable {
    /// Who: a SPIFFE id; empty for the service itself.
    public let principal: String
    /// What.
    public let action: String
    /// What for.
    public let purpose: String
    /// Whether it was a read, logged with others in a batch.
    public let isRead: Bool
    /// How often.
    public internal(set) var count: UInt64 = 0
    /// How many different people it touched.
    public var pidCount: Int { pids.count }
    /// The first time.
    public internal(set) var first: Timestamp
    /// The last time.
    public internal(set) var last: Timestamp

    var pids: Set<PseudonymousID> = []
  }

  /// A time from which reads may be missing.
  public struct Gap: Hashable, Sendable {
    /// When it began.
    public let from: Timestamp
    /// When it ended.
    public let to: Timestamp
    /// Why.
    public let reason: String
  }

  /// The number of the first entry in the window, from 1; 0 where there is none.
  public internal(set) var firstNumber: UInt64 = 0
  /// The number of the last.
  public internal(set) var lastNumber: UInt64 = 0
  /// What was done, the most frequent first.
  public internal(set) var lines: [Line] = []
  /// Everybody who was touched.
  public internal(set) var pids: Set<PseudonymousID> = []
  /// Batches with reads in the window.
  public internal(set) var readBatchCount: UInt64 = 0
  /// The reads in the window.
  public internal(set) var readCount: UInt64 = 0
  /// Entries and reads of which only is known that they were: forgotten, or under a person's key.
  public internal(set) var closedCount: UInt64 = 0
  /// Times that overlap with the window, from which reads may be missing.
  public internal(set) var gaps: [Gap] = []
}
