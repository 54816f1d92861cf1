internal import NIOCore

/// One stream as the task of its handler or of its caller uses it.
final class StreamHandle: Sendable {
  let link: CallLink
  let queue: MessageQueue
  private let connection: Connection
  private let ledger: CreditLedger
  private let readThreshold: Int
  private let cancelsWhenDropped: Bool
  private let onDrop: (@Sendable () -> Void)?

  init(
    connection: Connection, link: CallLink, queue: MessageQueue, ledger: CreditLedger,
    readThreshold: Int, cancelsWhenDropped: Bool, onDrop: (@Sendable () -> Void)? = nil
  ) {
    self.connection = connection
    self.link = link
    self.queue = queue
    self.ledger = ledger
    self.readThreshold = readThreshold
    self.cancelsWhenDropped = cancelsWhenDropped
    self.onDrop = onDrop
  }

  /// A caller that forgets its stream wants no more of it.
  deinit {
    if cancelsWhenDropped { cancel() }
    onDrop?()
  }

  /// The next message, or `nil` at the end. Cancelling the task ends the call.
  func next() async throws(RPCError) -> ByteBuffer? {
    var item = queue.poll()
    if case .nothing = item {
      let (connection, link) = (connection, link)
      item = await queue.wait { connection.run { $0.requestRest(link) } }
    }
    switch item {
    case .message(let bytes, let cost):
      if queue.report(cost, threshold: readThreshold, ledger: ledger) {
        let (queue, link) = (queue, link)
        connection.run { $0.reportRead(queue, link: link) }
      }
      return bytes
    case .end(let error?):
      if error.code == .cancelled { cancel() }
      throw error
    case .end(nil), .nothing: return nil
    }
  }

  /// Sends a message; returns when the socket has taken all of it.
  func send(_ bytes: ByteBuffer) async throws(RPCError) {
    try await hand(bytes, ending: .message)
  }

  /// Says that no message follows.
  func finish() async throws(RPCError) {
    try await hand(ByteBuffer(), ending: .endStream)
  }

  /// Gives the call up; a server's handler cannot, it only stops reading.
  func cancel() {
    let link = link
    connection.run { $0.cancel(link) }
  }

  private func hand(
    _ bytes: ByteBuffer, ending: OutgoingMessage.Ending
  ) async throws(RPCError) {
    let (connection, link) = (connection, link)
    if Task.isCancelled {
      cancel()
      throw .cancelled
    }
    let error = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        connection.run { handler in
          handler.sendMessage(
            OutgoingMessage(bytes: bytes, ending: ending, completion: continuation), link: link)
        }
      }
    } onCancel: {
      connection.run { $0.interruptSending(link) }
    }
    if let error { throw error }
  }
}
