public import TransparencyLog

/// How often a log signs, and how much it holds back.
public struct AuditLogConfiguration: Sendable {
  /// The least time between two checkpoints, in milliseconds. 50 by default.
  public var checkpointIntervalMs = 50
  /// How long `appendCovered` waits for a checkpoint, in milliseconds. 5,000 by default.
  public var coverTimeoutMs = 5_000
  /// How long reads are collected before they are logged as one entry, in milliseconds. 250 by
  /// default.
  public var readIntervalMs = 250
  /// The most reads in one batch; more are logged as several. At most 65,536.
  public var readBatchCountMax = 8_192
  /// The most reads that wait in memory while the store does not write. What comes on top is lost,
  /// and a gap says so.
  public var waitingReadCountMax = 65_536
  /// The most bytes of such reads.
  public var waitingReadByteCountMax = 32 << 20
  /// How many checkpoints are kept, of those that witnesses cosigned and of the others, each; up to
  /// 63 more between two clearings.
  public var checkpointCountMax = 1_024
  /// The witnesses whose cosignatures are taken.
  public var witnesses: [NoteKey] = []

  /// The defaults.
  public init() {}
}
