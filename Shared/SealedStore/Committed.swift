public import PrivacyCore

/// What a committed transaction gave.
public struct Committed<Value: Sendable>: Sendable {
  /// What its body returned.
  public let value: Value
  /// Its position; for a transaction that changed nothing that of the last one before it.
  public let sequence: LogSequenceNumber
}
