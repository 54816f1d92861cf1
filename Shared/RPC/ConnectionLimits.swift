/// What one side of a connection allows the other, and how patient it is. Both a server and a
/// client have these.
public struct ConnectionLimits: Sendable {
  /// The longest message that is accepted, put together from its frames, in bytes. 131,072 or more;
  /// 4 MiB by default.
  public var messageByteCountMax = 4 << 20

  /// The most calls that may run at once on one connection, handlers that are still running after
  /// their call has ended included. 1,024 by default.
  public var streamCountMax = 1_024

  /// Bytes that may be under way or unread on one stream; 1 MiB by default.
  public var streamCredit = 1 << 20

  /// Bytes that may be under way or unread on all streams of one connection; 4 MiB by default.
  public var connectionCredit = 4 << 20

  /// From the connection to the other side's HELLO, TLS included; 5,000 by default.
  public var handshakeTimeoutMs = 5_000

  /// From the first byte of a frame to its last; 30,000 by default.
  public var frameTimeoutMs = 30_000

  /// From the first piece of a call's one request to its last; 60,000 by default.
  public var requestTimeoutMs = 60_000

  /// How long a drained server waits for the client to close the connection; 500 by default.
  public var lingerMs = 500

  /// How long nothing may arrive before a PING is sent; 20,000 by default, 0 is never.
  public var keepaliveIntervalMs = 20_000

  /// How long a PING may stay unanswered, and the socket may take less than 1,024 bytes of what is
  /// to be sent, before the connection is given up; 10,000 by default.
  public var keepaliveTimeoutMs = 10_000

  /// The most PINGs accepted in ten seconds; 100 by default.
  public var pingCountMax = 100

  /// The highest number of a stream; a connection that has used it is replaced by a new one. Lower
  /// in tests only: 2^32 - 1 by default, which is after 2^31 calls.
  package var streamIDMax = UInt32.max

  /// The limits that are right for most.
  public init() {}

  /// A message is cut in pieces of this many bytes, so that a large one doesn't hold up the small
  /// ones behind it.
  static let chunkByteCount = 65_536

  /// What each DATA frame costs in credit beside its payload: the memory that an empty message
  /// takes in a queue.
  static let dataOverheadByteCount = 64

  /// The longest frame, whatever the other side accepts: one piece and its envelope, metadata
  /// included, fit. `messageByteCountMax` is never less.
  static let frameByteCountMax = 131_072
}
