/// How a store is laid out and what it may use.
public struct StoreConfiguration: Sendable {
  /// Whose store it is: written into it and compared when it is opened.
  public var serviceName: String
  /// The most bytes each of the two files may grow to. Address space of this size is reserved;
  /// disk and memory are used only as rows come. 256 GiB by default.
  public var mapByteCountMax = 256 << 30
  /// The most read transactions at one time.
  public var readerCountMax = 512
  /// The most callers that may wait for a write; more are refused with `overloaded`.
  public var waitingWriteCountMax = 65_536
  /// The most transactions that share one commit of the journal.
  public var groupTransactionCountMax = 4_096
  /// The most changed rows that the journal holds and the tables do not: past it writers wait. Opening
  /// after a crash reads as many again, which takes a second for each 400,000 or so.
  public var unappliedRowCountMax = 1_000_000
  /// The most bytes of such rows in memory: past it writers wait.
  public var unappliedByteCountMax = 192 << 20
  /// How long a change may wait for more before it is carried into the tables, in milliseconds.
  public var applyDelayMs = 2_000
  /// How many applied entries the journal keeps for its readers, at least 1.
  public var journalRetentionCount: UInt64 = 100_000

  /// The defaults, for the store of `serviceName`.
  public init(serviceName: String) { self.serviceName = serviceName }
}
