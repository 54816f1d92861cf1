public import PrivacyCore
public import Transport
public import WireFormat

/// What a handler knows about the call besides its request.
public struct CallContext: Sendable {
  /// What all calls of one method by one peer have in common.
  private let origin: CallOrigin

  /// Who calls.
  public var peer: PeerIdentity { origin.peer }

  /// The method that is called.
  public var method: MethodDescriptor { origin.method }

  /// When the caller stops waiting; `nil` when it waits forever. The handler's task is cancelled
  /// then.
  public let deadline: Deadline?

  /// What travels with the call.
  public let metadata: Metadata

  /// The trace that the call belongs to.
  public let trace: TraceContext?

  /// The server's clock.
  public var time: any TimeSource { origin.time }

  /// A context, for tests that call a handler directly.
  public init(
    peer: PeerIdentity, method: MethodDescriptor, deadline: Deadline? = nil,
    metadata: Metadata = Metadata(), trace: TraceContext? = nil,
    time: any TimeSource = SystemTime()
  ) {
    self.init(
      CallOrigin(peer: peer, method: method, time: time, drain: nil), deadline: deadline,
      metadata: metadata, trace: trace)
  }

  init(_ origin: CallOrigin, deadline: Deadline?, metadata: Metadata, trace: TraceContext?) {
    self.origin = origin
    self.deadline = deadline
    self.metadata = metadata
    self.trace = trace
  }

  /// Runs `body`, which would go on for as long as the caller likes. When the server drains, `body`
  /// is cancelled and the call ends as UNAVAILABLE: a stream without an end must not hold up the
  /// server's.
  public func untilDrained(_ body: @escaping @Sendable () async throws -> Void) async throws {
    guard let drain = origin.drain else { return try await body() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await body() }
      group.addTask {
        await drain.wait()
        try Task.checkCancellation()
        throw RPCError(.unavailable, "the server is shutting down")
      }
      try await group.next()
    }
  }
}

/// What all calls of one method by one peer have in common.
final class CallOrigin: Sendable {
  let peer: PeerIdentity
  let method: MethodDescriptor
  let time: any TimeSource
  let drain: DrainSignal?

  init(
    peer: PeerIdentity, method: MethodDescriptor, time: any TimeSource, drain: DrainSignal?
  ) {
    self.peer = peer
    self.method = method
    self.time = time
    self.drain = drain
  }
}

/// The instant by which a call must have ended, on the monotonic clock of this process.
public struct Deadline: Hashable, Sendable {
  /// Microseconds on the monotonic clock.
  public let monotonicMicroseconds: Int64

  /// The deadline at an instant of the monotonic clock.
  public init(monotonicMicroseconds: Int64) { self.monotonicMicroseconds = monotonicMicroseconds }

  /// The time that is left; 0 when it is over.
  public func remainingMicroseconds(_ time: some TimeSource) -> Int64 {
    max(0, monotonicMicroseconds - time.monotonicMicroseconds)
  }
}

/// What a caller says about one call.
public struct CallOptions: Sendable {
  /// How long the caller waits, in milliseconds; 0 is forever. `nil` stands for 30,000 for unary
  /// calls and for forever where something is streamed.
  public var timeoutMs: Int?

  /// What travels with the call.
  public var metadata: Metadata

  /// The trace that the call belongs to.
  public var trace: TraceContext?

  /// Whether the call tries to connect although the client pauses after a failed attempt: for
  /// callers that pause between their calls themselves.
  public var connectsAtOnce: Bool

  /// Options of one call.
  public init(
    timeoutMs: Int? = nil, metadata: Metadata = Metadata(), trace: TraceContext? = nil,
    connectsAtOnce: Bool = false
  ) {
    self.timeoutMs = timeoutMs
    self.metadata = metadata
    self.trace = trace
    self.connectsAtOnce = connectsAtOnce
  }

  /// Options of a call made on behalf of another one: what is left of its time, and its trace.
  public init(for context: CallContext, metadata: Metadata = Metadata()) {
    let remaining = context.deadline.map { Int($0.remainingMicroseconds(context.time) / 1_000) }
    // 0 would mean forever.
    self.init(
      timeoutMs: remaining.map { max(1, $0) } ?? 0, metadata: metadata, trace: context.trace)
  }

  static let unaryTimeoutMs = 30_000

  /// The time in microseconds, as it stands in the frame; 0 is forever.
  func timeoutMicroseconds(of kind: CallKind) -> UInt64 {
    let milliseconds = timeoutMs ?? (kind == .unary ? Self.unaryTimeoutMs : 0)
    return UInt64(max(0, min(milliseconds, Self.timeoutMsMax))) * 1_000
  }

  /// A hundred days: no timer overflows.
  private static let timeoutMsMax = 100 * 86_400_000
}
