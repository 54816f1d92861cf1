// What a server's connection holds on behalf of its client. A client's connection counts nothing.
extension ConnectionHandler {
  /// Whether the server holds as much as it may, or this connection's share of it.
  var isMemoryFull: Bool {
    guard let memory else { return false }
    let own = streamsByteCount + limits.connectionCredit - receiveCredit
    return own >= memory.connectionByteCountMax || memory.isFull
  }

  func holdConnection() {
    guard let memory, !isHoldingConnection else { return }
    isHoldingConnection = true
    memory.add(MemoryBudget.connectionByteCount)
  }

  /// Gives back what belongs to no stream: the connection's own, and DATA that nobody has read.
  func releaseConnection() {
    guard let memory, isHoldingConnection else { return }
    isHoldingConnection = false
    memory.give(MemoryBudget.connectionByteCount + limits.connectionCredit - receiveCredit)
  }

  /// A stream holds so many bytes more.
  func hold(_ byteCount: Int, on stream: CallStream) {
    guard let memory else { return }
    stream.heldByteCount += byteCount
    streamsByteCount += byteCount
    memory.add(byteCount)
  }

  /// A stream holds so many bytes fewer.
  func release(_ byteCount: Int, on stream: CallStream) {
    guard let memory else { return }
    stream.heldByteCount -= byteCount
    streamsByteCount -= byteCount
    memory.give(byteCount)
  }
}
