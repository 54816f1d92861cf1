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

  /// For a call that no task holds by its link.
  static let none = CallLink()
}

/// Where the messages that arrive on a stream go.
enum MessageSink: Sendable {
  /// A client waits for exactly one reply.
  /// (Unsafe, because a checked one costs an allocation per call: `remove` and `fail` resume it,
  /// once, since each takes the stream or the call out of the connection first.)
  case reply(UnsafeContinuation<CallResult, Never>)
  /// A task on the event loop waits for exactly one reply, which it finds in the stream; without
  /// a continuation it is about to wait.
  case caller(UnsafeContinuation<Void, Never>?)
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

/// Why a call failed.
struct CallFailure: Sendable {
  let error: RPCError
  /// False when the other side certainly never saw the call.
  let wasStarted: Bool
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

  /// Whether it ends the call with one piece.
  var isShortReply: Bool {
    if case .reply = ending {
      bytes.readableBytes <= ConnectionLimits.chunkByteCount
    } else {
      false
    }
  }

  enum Ending: Sendable {
    /// Another message may follow.
    case message
    /// The request's messages end with this one.
    case endStream
    /// The call ends with this one: its last part stands in the REPLY.
    case reply
  }
}

/// One call as the connection sees it. Lives on the event loop, as its connection's handler does
/// (which says why nothing is checked for exclusive access).
final class CallStream {
  @exclusivity(unchecked) private(set) var id: UInt32
  let link: CallLink
  @exclusivity(unchecked) private(set) var method: MethodDescriptor
  @exclusivity(unchecked) var sink: MessageSink
  /// The outcome for a caller on the event loop (`MessageSink.caller`): a failure, or the reply.
  @exclusivity(unchecked) var failure: CallFailure?
  @exclusivity(unchecked) var reply = ByteBuffer()

  /// Bytes that may still be sent.
  @exclusivity(unchecked) var sendCredit: Int
  /// Bytes that the other side may still send.
  @exclusivity(unchecked) var receiveCredit: Int
  /// Bytes read here and not yet granted again.
  @exclusivity(unchecked) var ungranted = 0
  /// The parts of the message that is arriving, and what they cost.
  @exclusivity(unchecked) var assembly: ByteBuffer?
  @exclusivity(unchecked) var assemblyCost = 0

  /// What a server holds of it: the message that is arriving, and those that wait to be sent.
  @exclusivity(unchecked) var heldByteCount = 0

  /// Rarely more than one: a task waits until its message has gone out.
  @exclusivity(unchecked) var outgoing: [OutgoingMessage] = []
  /// Whether the stream stands in the connection's line of streams that can send.
  @exclusivity(unchecked) var isInLine = false
  @exclusivity(unchecked) var hasSentEnd = false
  @exclusivity(unchecked) var hasReceivedEnd = false

  /// When the call ends by itself.
  @exclusivity(unchecked) var deadline = NIODeadline.distantFuture
  /// By when a server must have the whole of the one request.
  @exclusivity(unchecked) var requestDeadline = NIODeadline.distantFuture
  /// The earlier of the two.
  var nextDeadline: NIODeadline { min(deadline, requestDeadline) }
  // A server's handler.
  @exclusivity(unchecked) var task: Task<Void, Never>?
  @exclusivity(unchecked) var isRunning = false
  @exclusivity(unchecked) var startedMicroseconds: Int64 = 0

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

  /// Whether nothing but its reply was used, and that is short: then it can be used again.
  var isAsNew: Bool {
    assembly == nil && failure == nil && outgoing.isEmpty && ungranted == 0 && !isInLine
      && reply.storageCapacity <= Self.spareByteCountMax
  }

  private static let spareByteCountMax = 4_096

  /// Makes an ended call that is as new a new one.
  func reuse(id: UInt32, method: MethodDescriptor) {
    self.id = id
    if self.method.id != method.id { self.method = method }
    sink = .caller(nil)
    deadline = .distantFuture
    reply.clear()
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
