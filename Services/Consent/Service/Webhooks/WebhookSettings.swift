/// How changes are made known to systems outside.
package struct WebhookSettings: Sendable {
  /// The most systems.
  package var countMax = 64
  /// How many changes are on their way to one system at the same time, each of another person.
  package var laneCount = 8
  /// The most changes that are read at a time; the position moves on when all of them are settled.
  package var batchCount = 200
  /// How often a change is tried before it is given up.
  package var attemptCountMax = 10
  /// The wait after the first failure, in milliseconds; it doubles with each.
  package var retryMsMin = 250
  /// The longest wait, in milliseconds.
  package var retryMsMax = 60_000
  /// How long an answer is waited for, in milliseconds.
  package var answerMs = 10_000

  /// The defaults.
  package init() {}
}
