internal import NIOCore
internal import Synchronization

/// The messages of one stream on their way from the event loop to the one task that reads them.
///
/// It is bounded by the stream's credit: what is not read is not granted again.
final class MessageQueue: Sendable {
  /// What a reader finds.
  enum Item: Sendable {
    /// A message, and the credit to give back for it.
    case message(ByteBuffer, cost: Int)
    /// The stream is over, and why when it failed.
    case end(RPCError?)
    /// Nothing yet.
    case nothing
  }

  private struct State {
    var messages = CircularBuffer<(message: ByteBuffer, cost: Int)>()
    var end: Item?
    var waiter: CheckedContinuation<Item, Never>?
    var unreportedCost = 0
    var hasPart = false
  }

  private let state = Mutex(State())

  // MARK: The event loop's side

  /// Adds a message that cost so much credit. Returns the credit to grant again at once, because
  /// the reader was waiting for it.
  func append(_ message: ByteBuffer, cost: Int) -> Int {
    let waiter: CheckedContinuation<Item, Never>? = state.withLock { state in
      guard state.end == nil else { return nil }
      state.hasPart = false
      if let waiter = state.waiter {
        state.waiter = nil
        return waiter
      }
      state.messages.append((message, cost))
      return nil
    }
    guard let waiter else { return 0 }
    waiter.resume(returning: .message(message, cost: 0))
    return cost
  }

  /// Notes that the first part of a message is there. Returns whether the reader waits for it, so
  /// that its rest should be asked for.
  func appendPart() -> Bool {
    state.withLock { state in
      state.hasPart = true
      return state.waiter != nil
    }
  }

  /// Ends the stream behind the messages that are there.
  func finish(_ error: RPCError?) {
    let waiter: CheckedContinuation<Item, Never>? = state.withLock { state in
      guard state.end == nil else { return nil }
      state.end = .end(error)
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: .end(error))
  }

  /// Ends the stream and drops what nobody will read. Returns the credit it held.
  func discard(_ error: RPCError?) -> Int {
    let (waiter, cost): (CheckedContinuation<Item, Never>?, Int) = state.withLock { state in
      let cost = state.messages.reduce(0) { $0 + $1.cost }
      state.messages.removeAll()
      if state.end == nil { state.end = .end(error) }
      defer { state.waiter = nil }
      return (state.waiter, cost)
    }
    waiter?.resume(returning: .end(error))
    return cost
  }

  /// The credit of what was read since the last time.
  func takeUnreportedCost() -> Int {
    state.withLock { state in
      defer { state.unreportedCost = 0 }
      return state.unreportedCost
    }
  }

  // MARK: The reader's side

  /// The next message if it is there.
  func poll() -> Item {
    state.withLock { state in
      if let (message, cost) = state.messages.popFirst() { return .message(message, cost: cost) }
      return state.end ?? .nothing
    }
  }

  /// Notes that a message was read. Returns whether so much was that the event loop should grant
  /// it again.
  func report(_ cost: Int, threshold: Int, ledger: CreditLedger) -> Bool {
    guard cost > 0 else { return false }
    let isDue = state.withLock { state in
      state.unreportedCost += cost
      return state.unreportedCost >= threshold
    }
    return ledger.give(cost) || isDue
  }

  /// Waits for the next message. `needsRest` is called when a part of it is there already, and
  /// its rest must be asked for.
  func wait(needsRest: () -> Void) async -> Item {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        enum Outcome { case waits(hasPart: Bool), ready(Item) }
        let outcome: Outcome = state.withLock { state in
          if let (message, cost) = state.messages.popFirst() {
            return .ready(.message(message, cost: cost))
          }
          if let end = state.end { return .ready(end) }
          if Task.isCancelled { return .ready(.end(.cancelled)) }
          guard state.waiter == nil else {
            return .ready(.end(RPCError(.internalError, "two tasks read one stream")))
          }
          state.waiter = continuation
          return .waits(hasPart: state.hasPart)
        }
        switch outcome {
        case .ready(let item): continuation.resume(returning: item)
        case .waits(let hasPart): if hasPart { needsRest() }
        }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume(returning: .end(.cancelled))
    }
  }
}
