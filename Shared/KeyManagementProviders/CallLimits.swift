/// How long a call of a remote key management service is tried.
public struct CallLimits: Hashable, Sendable {
  /// After so long no further try is made, in milliseconds.
  public var deadlineMs: Int
  /// So long one try waits for its answer, in milliseconds.
  public var answerMs: Int
  /// The longest pause after the first try, in milliseconds; it doubles with each further one.
  public var pauseMsMin: Int
  /// No pause is longer, in milliseconds.
  public var pauseMsMax: Int

  /// 10 s in all, 3 s for an answer, pauses of up to 100 ms to 2 s.
  public init(
    deadlineMs: Int = 10_000, answerMs: Int = 3_000, pauseMsMin: Int = 100, pauseMsMax: Int = 2_000
  ) {
    self.deadlineMs = deadlineMs
    self.answerMs = answerMs
    self.pauseMsMin = pauseMsMin
    self.pauseMsMax = pauseMsMax
  }
}
