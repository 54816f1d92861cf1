internal import NIOCore
internal import PrivacyCore
internal import WireFormat

// DATA and CREDIT: messages in pieces, and who may send how much.
extension ConnectionHandler {
  /// What a DATA frame with so many bytes of payload costs.
  static func cost(_ byteCount: Int) -> Int { byteCount + ConnectionLimits.dataOverheadByteCount }

  /// Whether a stream with this id was opened once.
  func wasOpened(_ stream: UInt32) -> Bool { stream & 1 == 1 && stream <= lastStream }

  /// The open stream of a frame; `nil` when it is closed already, which happens whenever the two
  /// sides end a call at the same time.
  func stream(of frame: InboundFrame) throws(ConnectionViolation) -> CallStream? {
    if let stream = streams[frame.stream] { return stream }
    if wasOpened(frame.stream) { return nil }
    if isServer, goawayStream != nil, frame.stream & 1 == 1 { return nil }
    throw ConnectionViolation(
      .failedPrecondition, "a frame on stream \(frame.stream), which was never opened")
  }

  // MARK: - Receiving

  func receiveData(_ frame: InboundFrame) throws(ConnectionViolation) {
    let cost = Self.cost(frame.payload.count)
    receiveCredit -= cost
    memory?.add(cost)
    guard receiveCredit >= 0 else {
      throw ConnectionViolation(.resourceExhausted, "more data than the connection's credit")
    }
    guard let stream = try stream(of: frame) else {
      giveBack(cost)
      return
    }
    stream.receiveCredit -= cost
    guard stream.receiveCredit >= 0 else {
      throw ConnectionViolation(.resourceExhausted, "more data than the stream's credit")
    }
    guard !stream.hasReceivedEnd else {
      throw ConnectionViolation(.failedPrecondition, "DATA after END_STREAM")
    }
    guard !isMemoryFull else {
      giveBack(cost)
      refuse(stream, MemoryBudget.full)
      return
    }
    try receivePart(frame.payload, flags: frame.flags, cost: cost, on: stream)
  }

  /// Adds a part of a message, whether it came in a CALL, a DATA or a REPLY.
  func receivePart(
    _ bytes: UnsafeRawBufferPointer, flags: FrameFlags, cost: Int, on stream: CallStream
  ) throws(ConnectionViolation) {
    if flags.contains(.more) {
      guard !flags.contains(.endStream) else {
        throw ConnectionViolation(.invalidArgument, "END_STREAM before the end of a message")
      }
      try receiveUnfinished(bytes, cost: cost, on: stream)
      return
    }
    let isBareEnd = flags.contains(.endStream) && stream.assembly == nil && bytes.isEmpty
    if flags.contains(.endStream) { stream.hasReceivedEnd = true }
    let wholeCost = stream.assemblyCost + cost
    stream.assemblyCost = 0
    let message: ByteBuffer
    if var assembly = stream.assembly {
      guard hasRoom(assembly.readableBytes + bytes.count, on: stream) else {
        giveBack(wholeCost)
        return
      }
      release(assembly.readableBytes, on: stream)
      stream.assembly = nil
      assembly.writeBytes(bytes)
      message = assembly
    } else {
      // A copy: what is small must not keep the large buffer alive that it was read into, whose
      // memory no credit and no budget would account for.
      message = ByteBuffer(bytes: bytes)
    }
    switch stream.sink {
    case .queue(let queue):
      if isBareEnd {
        giveBack(wholeCost)
      } else {
        grant(queue.append(message, cost: wholeCost), to: stream)
      }
      if stream.hasReceivedEnd { queue.finish(nil) }
    case .request(let call):
      guard stream.hasReceivedEnd else {
        throw ConnectionViolation(.invalidArgument, "a second message in a call with one request")
      }
      giveBack(wholeCost)
      stream.sink = .none
      stream.requestDeadline = .distantFuture
      start(call, request: message, on: stream)
    case .reply, .caller:
      throw ConnectionViolation(.invalidArgument, "a whole message before the REPLY it belongs to")
    case .none: giveBack(wholeCost)
    }
  }

  private func receiveUnfinished(
    _ bytes: UnsafeRawBufferPointer, cost: Int, on stream: CallStream
  ) throws(ConnectionViolation) {
    let byteCount = (stream.assembly?.readableBytes ?? 0) + bytes.count
    guard hasRoom(byteCount, on: stream) else {
      giveBack(cost + stream.assemblyCost)
      return
    }
    hold(bytes.count, on: stream)
    if stream.assembly == nil {
      stream.assembly = ByteBuffer(bytes: bytes)
    } else {
      stream.assembly?.writeBytes(bytes)
    }
    stream.assemblyCost += cost
    let isWanted = if case .queue(let queue) = stream.sink { queue.appendPart() } else { true }
    if isWanted { grantAssembly(of: stream) }
  }

  /// Ends a stream whose message grows past the limit.
  private func hasRoom(_ byteCount: Int, on stream: CallStream) -> Bool {
    guard byteCount > limits.messageByteCountMax else { return true }
    let error = RPCError(
      .resourceExhausted,
      "a message is longer than the \(limits.messageByteCountMax) bytes that are accepted")
    if isServer { refuse(stream, error) } else { abandon(stream, error) }
    return false
  }

  // MARK: - Granting

  /// Grants what the arriving message has cost so far, because its reader waits for the rest.
  func grantAssembly(of stream: CallStream) {
    let cost = stream.assemblyCost
    stream.assemblyCost = 0
    grant(cost, to: stream)
  }

  /// Gives credit back for bytes that were read here.
  func grant(_ byteCount: Int, to stream: CallStream) {
    guard byteCount > 0 else { return }
    addGrant(byteCount, to: stream)
    giveBack(byteCount)
  }

  private func addGrant(_ byteCount: Int, to stream: CallStream) {
    stream.ungranted += byteCount
    guard stream.ungranted >= limits.streamCredit / 2, !stream.hasReceivedEnd,
      streams[stream.id] === stream
    else { return }
    send(FrameHead(.credit, stream: stream.id, credit: stream.ungranted))
    stream.receiveCredit += stream.ungranted
    stream.ungranted = 0
  }

  /// Gives bytes back to the connection alone.
  func giveBack(_ byteCount: Int) {
    if byteCount > 0 { _ = ledger.give(byteCount) }
    grantConnection()
  }

  func grantConnection() {
    let returned = ledger.take()
    guard returned > 0, phase == .open else { return }
    send(FrameHead(.credit, stream: 0, credit: returned))
    receiveCredit += returned
    memory?.give(returned)
  }

  /// A reader on another thread has read: it has told the ledger, and the queue knows how much.
  func reportRead(_ queue: MessageQueue, link: CallLink) {
    if let stream = streams[link.stream] { addGrant(queue.takeUnreportedCost(), to: stream) }
    grantConnection()
  }

  /// A reader waits for the rest of a message.
  func requestRest(_ link: CallLink) {
    if let stream = streams[link.stream] { grantAssembly(of: stream) }
  }

  func receiveCredit(_ frame: InboundFrame) throws(ConnectionViolation) {
    guard frame.credit > 0, frame.credit <= Self.creditMax else {
      throw ConnectionViolation(.invalidArgument, "a CREDIT of \(frame.credit) bytes")
    }
    if frame.stream == 0 {
      sendCredit += Int(frame.credit)
      guard sendCredit <= Int(Self.creditMax) else {
        throw ConnectionViolation(.invalidArgument, "more credit than 2^31 - 1")
      }
    } else if let stream = try stream(of: frame) {
      stream.sendCredit += Int(frame.credit)
      guard stream.sendCredit <= Int(Self.creditMax) else {
        throw ConnectionViolation(.invalidArgument, "more credit than 2^31 - 1")
      }
      joinLine(stream)
    }
    pump()
  }

  // MARK: - Sending

  /// Sends a message as credit and the socket allow.
  func enqueue(_ message: OutgoingMessage, on stream: CallStream) {
    hold(message.bytes.readableBytes, on: stream)
    stream.outgoing.append(message)
    joinLine(stream)
    pump()
  }

  private func joinLine(_ stream: CallStream) {
    guard !stream.isInLine, !stream.outgoing.isEmpty else { return }
    stream.isInLine = true
    if stream.outgoing[0].isShortReply { shortReplies.append(stream) } else { line.append(stream) }
  }

  /// Lets the streams that have something to send take turns, a piece each. Short replies go first,
  /// a piece's worth of them between two pieces: no call waits for more than one piece of another,
  /// and no large message waits for ever.
  func pump() {
    var hasCredit = true
    while phase == .open, takesMore, let stream = nextInLine(hasCredit) {
      stream.isInLine = false
      guard streams[stream.id] === stream else { continue }
      switch sendPiece(of: stream) {
      case .sent: joinLine(stream)
      case .needsStreamCredit: continue
      case .needsConnectionCredit:
        stream.isInLine = true
        line.prepend(stream)
        // Short replies need none.
        hasCredit = false
      }
    }
  }

  private func nextInLine(_ hasCredit: Bool) -> CallStream? {
    let isTurnOfShort =
      line.isEmpty || !hasCredit || shortReplyByteCount < ConnectionLimits.chunkByteCount
    if isTurnOfShort, let stream = shortReplies.popFirst() {
      shortReplyByteCount += stream.outgoing.first?.bytes.readableBytes ?? 0
      return stream
    }
    shortReplyByteCount = 0
    return hasCredit ? line.popFirst() : nil
  }

  private enum PieceOutcome { case sent, needsStreamCredit, needsConnectionCredit }

  private func sendPiece(of stream: CallStream) -> PieceOutcome {
    guard var message = stream.outgoing.first else { return .sent }
    let byteCount = message.bytes.readableBytes
    if message.isShortReply {
      release(byteCount, on: stream)
      sendReply(message.bytes, on: stream)
      return .sent
    }
    let overhead = ConnectionLimits.dataOverheadByteCount
    let least = overhead + (byteCount > 0 ? 1 : 0)
    guard stream.sendCredit >= least else { return .needsStreamCredit }
    guard sendCredit >= least else { return .needsConnectionCredit }
    let pieceByteCount = min(
      byteCount, ConnectionLimits.chunkByteCount, stream.sendCredit - overhead,
      sendCredit - overhead)
    let piece = message.bytes.readSlice(length: pieceByteCount) ?? ByteBuffer()
    let isLast = message.bytes.readableBytes == 0
    var flags: FrameFlags = []
    if !isLast { flags = .more } else if case .reply = message.ending { flags = .more }
    if isLast, case .endStream = message.ending {
      flags = .endStream
      stream.hasSentEnd = true
    }
    stream.sendCredit -= Self.cost(pieceByteCount)
    sendCredit -= Self.cost(pieceByteCount)
    release(pieceByteCount, on: stream)
    send(FrameHead(.data, stream: stream.id, flags: flags), payload: piece)
    if isLast {
      stream.outgoing.removeFirst()
      message.completion?.resume(returning: nil)
    } else {
      stream.outgoing[0] = message
    }
    return .sent
  }

  /// Sends a message of a task's stream, and resumes the task when it has gone out.
  func sendMessage(_ message: OutgoingMessage, link: CallLink) {
    guard let stream = streams[link.stream], !stream.hasSentEnd else {
      message.completion?.resume(returning: closeReason ?? .ended)
      return
    }
    let byteCountMax = Int(peerHello.frameByteCountMax)
    guard message.bytes.readableBytes <= byteCountMax else {
      message.completion?.resume(returning: Self.tooLong(message.bytes, byteCountMax))
      return
    }
    guard !isMemoryFull else {
      message.completion?.resume(returning: MemoryBudget.full)
      refuse(stream, MemoryBudget.full)
      return
    }
    enqueue(message, on: stream)
  }

  static func tooLong(_ bytes: ByteBuffer, _ byteCountMax: Int) -> RPCError {
    RPCError(
      .resourceExhausted,
      "a message of \(bytes.readableBytes) bytes is longer than the \(byteCountMax) that the other "
        + "side accepts")
  }

  // MARK: - Ending

  /// Forgets a stream: later frames on it are ignored, and what waited to be sent is dropped.
  func remove(_ stream: CallStream, _ error: RPCError?) {
    streams.remove(stream.id)
    release(stream.heldByteCount, on: stream)
    if !stream.outgoing.isEmpty {
      let outgoing = stream.outgoing
      stream.outgoing.removeAll()
      for message in outgoing { message.completion?.resume(returning: error ?? .ended) }
    }
    giveBack(stream.assemblyCost)
    stream.assemblyCost = 0
    stream.assembly = nil
  }
}
