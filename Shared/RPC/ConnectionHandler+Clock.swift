internal import Logging
internal import NIOCore
internal import WireFormat

// One timer for each connection looks after all its patience.
extension ConnectionHandler {
  func startTicker(_ context: ChannelHandlerContext) {
    guard let own else { return }
    let interval = TimeAmount.milliseconds(tickMs)
    ticker = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
      own.run { $0.tick() }
    }
  }

  /// A quarter of the shortest time that is measured, between 5 ms and 1 s.
  private var tickMs: Int64 {
    let times = [
      limits.handshakeTimeoutMs, limits.frameTimeoutMs, limits.keepaliveIntervalMs,
      limits.keepaliveTimeoutMs,
    ]
    return Int64(max(5, min(1_000, (times.filter { $0 > 0 }.min() ?? 4_000) / 4)))
  }

  /// The socket takes no more.
  func beginStall(_ context: ChannelHandlerContext) {
    if stall == nil { stall = (context.eventLoop.now, waitingByteCount(context)) }
  }

  /// A reader that is slow but reads is not one that has stopped: its patience starts anew.
  private func followStall(_ context: ChannelHandlerContext) {
    guard let before = stall else { return }
    let waiting = waitingByteCount(context)
    if waiting <= before.byteCount - Self.progressByteCount {
      stall = (context.eventLoop.now, waiting)
    }
  }

  /// What the socket has not taken of the bytes it was given.
  private func waitingByteCount(_ context: ChannelHandlerContext) -> Int {
    let options = context.channel.syncOptions
    return (try? options?.getOption(.bufferedWritableBytes)) ?? 0
  }

  /// So many bytes taken within `keepaliveTimeoutMs` are progress: fewer would let a client hold a
  /// connection's memory for nothing.
  private static let progressByteCount = 1_024

  private func tick() {
    guard let context, phase != .closed else { return }
    followStall(context)
    let now = context.eventLoop.now
    if phase != .open, now - connectedAt > .milliseconds(Int64(limits.handshakeTimeoutMs)) {
      log.warning("closing a connection: no HELLO in time")
      if phase == .greeting { sendGoaway(.deadlineExceeded, "no HELLO in time") }
      flush()
      fail(RPCError(.unavailable, "the other side did not say HELLO in time"))
    } else if let since = partSince, now - since > .milliseconds(Int64(limits.frameTimeoutMs)) {
      violate(ConnectionViolation(.deadlineExceeded, "a frame that did not end in time"))
    } else if let stall, now - stall.since > .milliseconds(Int64(limits.keepaliveTimeoutMs)) {
      log.warning("closing a connection: the peer does not read")
      fail(RPCError(.unavailable, "the other side does not read"))
    } else if phase == .open, limits.keepaliveIntervalMs > 0 {
      keepAlive(now)
    }
  }

  // MARK: - Deadlines of calls

  /// Sees to it that calls end at `deadline`.
  ///
  /// One timer stands for all of them: at the earliest deadline that was asked for. A call that
  /// ends in time costs nothing more, and finding those that did not costs a look at the open ones.
  func watch(_ deadline: NIODeadline) {
    guard deadline < nextDeadline, let context, let own else { return }
    nextDeadline = deadline
    deadlineTimer?.cancel()
    // Looking at all calls more often than every millisecond would be work for an attacker.
    let at = max(deadline, lastExpiryAt + .milliseconds(1))
    deadlineTimer = context.eventLoop.scheduleTask(deadline: at) {
      own.run { $0.expire() }
    }
  }

  private func expire() {
    guard let context, phase != .closed else { return }
    let now = context.eventLoop.now
    lastExpiryAt = now
    nextDeadline = .distantFuture
    inOneFlush { handler in
      for stream in handler.streams.sorted where stream.nextDeadline <= now {
        guard handler.streams[stream.id] === stream else { continue }
        let error = RPCError.deadlineExceeded(stream.method.name)
        if handler.isServer {
          handler.refuse(stream, error)
        } else {
          handler.abandon(stream, error)
        }
      }
      handler.expireWaitingCalls(now)
    }
    let left = streams.sorted.map(\.nextDeadline) + waitingCalls.compactMap(\.deadline)
    if let earliest = left.min(), earliest < .distantFuture { watch(earliest) }
  }

  private func keepAlive(_ now: NIODeadline) {
    if let sent = pingSentAt {
      guard now - sent > .milliseconds(Int64(limits.keepaliveTimeoutMs)) else { return }
      log.warning("closing a connection: no answer to a PING")
      fail(RPCError(.unavailable, "the other side does not answer"))
    } else if now - lastReadAt > .milliseconds(Int64(limits.keepaliveIntervalMs)) {
      pingSentAt = now
      send(FrameHead(.ping))
    }
  }
}
