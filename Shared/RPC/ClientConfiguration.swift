/// Settings of a client.
public struct ClientConfiguration: Sendable {
  /// The limits of the connection.
  public var limits = ConnectionLimits()

  /// How long the TCP connection may take; 5,000 by default. TLS and HELLO are limited by
  /// `limits.handshakeTimeoutMs`.
  public var connectTimeoutMs = 5_000

  /// After a failed connection calls fail at once for this long, then twice as long each time …
  /// 100 by default.
  public var backoffMs = 100

  /// … up to this long. 5,000 by default.
  public var backoffMsMax = 5_000

  /// How many connections there are to each server, from 1; 1 by default. More help a caller who
  /// keeps a whole event loop busy.
  public var connectionsPerEndpoint = 1

  /// The fingerprint of the schemas this build was made from, told in HELLO; 0: not told.
  public var schemaFingerprint: UInt64 = 0

  /// Look at every call, in this order.
  public var interceptors: [any ClientInterceptor] = []

  /// How many retries of idempotent calls that may have been started a client may have in hand. A
  /// retry takes one, ten calls that succeed give one back, so that a service in trouble is not
  /// called twice as often. 10 by default, 0 is never.
  public var retryTokenCountMax = 10

  /// The program to name when it cannot be reached: `tacit-consent`. By default what the security
  /// expects.
  public var programName: String?

  /// The usual settings.
  public init() {}
}
