internal import NIOCore
internal import PrivacyCore
internal import Synchronization
internal import WireFormat

/// Names a call towards the event loop: tasks hold it, the connection looks the stream up by it.
final class CallLink: Sendable {
  private let identifier: Atomic<UInt32>
  private let isGivenUp = Atomic<Bool>(false)

  init(stream: UInt32 = 0) { identifier = Atomic(stream) }

  /// The stream's id, or 0 as long as the call has not been sent.
  var stream: UInt32 {
    get { identifier.load(ordering: .acquiring) }
    set { identifier.store(newValue, ordering: .releasing) }
  }

  /// Whether the caller gave the call up, perhaps before it was opened.
  var isCancelled: Bool { isGivenUp.load(ordering: .relaxed) }

  func cancel() { isGivenUp.store(true, ordering: .relaxed) }
}

/// Where the messages that arrive on a stream go.
enum MessageSink: Sendable {
  /// A client waits for exactly one reply.
  /// (Unsafe, because a checked one costs an allocation per call: `remove` and `fail` resume it,
  /// once, since each takes the stream or the call out of the connection first.)
  case reply(UnsafeContinuation<CallResult, Never>)
  /// A task reads one message after the other.
  case queue(MessageQueue)
  /// A server waits for the one request before it starts the handler.
  case request(StartableCall)
  /// Nothing is expected any more.
  case none
}

/// How a call with one reply ended.
enum CallResult: Sendable {
  case success(ByteBuffer)
  /// `wasStarted` is false when the other side certainly never saw the call.
  case failure(RPCError, wasStarted: Bool)
}

/// A server's call that waits for its request.
struct StartableCall: Sendable {
  let handler: MethodHandler
  let context: CallContext
}

/// A message, or what is left of it, that waits for credit.
struct OutgoingMessage: Sendable {
  var bytes: ByteBuffer
  /// What follows the last byte.
  let ending: Ending
  /// Resumed when all of it has been handed to the socket, or cannot be.
  let completion: CheckedContinuation<RPCError?, Never>?

  enum Ending: Sendable {
    /// Another message may follow.
    case message
    /// The request's messages end with this one.
    case endStream
    /// The call ends with this one: its last part stands in the REPLY.
    case reply
  }
}

/// One call as the connection sees it. Lives on the event loop.
final class CallStream {
  let id: UInt32
  let link: CallLink
  let method: MethodDescriptor
  var sink: MessageSink

  /// Bytes that may still be sent.
  var sendCredit: Int
  /// Bytes that the other side may still send.
  var receiveCredit: Int
  /// Bytes read here and not yet granted again.
  var ungranted = 0
  /// The parts of the message that is arriving, and what they cost.
  var assembly: ByteBuffer?
  var assemblyCost = 0

  /// Rarely more than one: a task waits until its message has gone out.
  /// What a server holds of it: the message that is arriving, and those that wait to be sent.
  var heldByteCount = 0

  var outgoing: [OutgoingMessage] = []
  /// Whether the stream stands in the connection's line of streams that can send.
  var isInLine = false
  var hasSentEnd = false
  var hasReceivedEnd = false

  /// When the call ends by itself.
  var deadline = NIODeadline.distantFuture
  /// By when a server must have the whole of the one request.
  var requestDeadline = NIODeadline.distantFuture
  /// The earlier of the two.
  var nextDeadline: NIODeadline { min(deadline, requestDeadline) }
  // A server's handler.
  var task: Task<Void, Never>?
  var isRunning = false
  var startedMicroseconds: Int64 = 0

  init(
    id: UInt32, link: CallLink, method: MethodDescriptor, sink: MessageSink, sendCredit: Int,
    receiveCredit: Int
  ) {
    self.id = id
    self.link = link
    self.method = method
    self.sink = sink
    self.sendCredit = sendCredit
    self.receiveCredit = receiveCredit
  }
}

/// Credit of a whole connection that readers gave back and that has not been granted again.
///
/// Readers on any thread add to it; whoever takes it over the threshold wakes the event loop, so
/// that no crowd of slow streams can hold the connection's credit back.
final class CreditLedger: Sendable {
  private let returned = Atomic<Int>(0)
  private let threshold: Int

  init(threshold: Int) { self.threshold = threshold }

  /// Gives bytes back. Returns whether it is time to grant.
  func give(_ byteCount: Int) -> Bool {
    let (old, new) = returned.wrappingAdd(byteCount, ordering: .relaxed)
    return old < threshold && new >= threshold
  }

  /// Takes what there is, when it is enough to be worth a frame.
  func take() -> Int {
    guard returned.load(ordering: .relaxed) >= threshold else { return 0 }
    return returned.exchange(0, ordering: .relaxed)
  }
}
