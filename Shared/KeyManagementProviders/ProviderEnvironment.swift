public import PrivacyCore

/// What providers take from outside: variables, clock, randomness and how long they try.
public struct ProviderEnvironment: Sendable {
  /// The process's variables, for credentials that come in them.
  public var variables: [String: String]
  /// Where the time comes from.
  public var time: any TimeSource
  /// Where randomness comes from.
  public var random: any RandomSource
  /// How long a remote service is tried.
  public var limits: CallLimits

  /// These parts.
  public init(
    variables: [String: String], time: any TimeSource = SystemTime(),
    random: any RandomSource = SystemRandom(), limits: CallLimits = CallLimits()
  ) {
    self.variables = variables
    self.time = time
    self.random = random
    self.limits = limits
  }
}
