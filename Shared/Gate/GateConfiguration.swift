/// The settings of a gate.
public struct GateConfiguration: Sendable {
  /// How often the lease is renewed until the first one says how long it lasts, in milliseconds;
  /// from then on every third of a lease.
  public var firstRenewalMs = 50
  /// The connection is given up and made anew when nothing was heard for so long, in milliseconds,
  /// and for as long as a lease lasts.
  public var silenceMsMax = 2_000
  /// The first wait before connecting again, in milliseconds; it doubles each time.
  public var reconnectMsMin = 20
  /// The longest wait before connecting again, in milliseconds, of which up to a half is added at
  /// random. Short: when the consent service is back, people are withheld for so long.
  public var reconnectMsMax = 200

  /// The defaults.
  public init() {}
}
