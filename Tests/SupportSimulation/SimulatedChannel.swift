package import NIOCore
internal import Transport

/// One end of a connection in memory, with the manners of a socket: what is written goes out with a
/// flush, what comes is read when it is asked for, and a peer that does not read fills the queue.
///
/// `@unchecked Sendable`: see `World`.
package final class SimulatedChannel: Channel, ChannelCore, @unchecked Sendable {
  package let allocator = ByteBufferAllocator()
  package let eventLoop: any EventLoop
  package private(set) lazy var pipeline = ChannelPipeline(channel: self)
  package let parent: (any Channel)? = nil
  package let localAddress: SocketAddress? = nil
  package let remoteAddress: SocketAddress? = nil
  package private(set) var isActive = false
  package private(set) var isWritable = true

  let process: SimulatedProcess
  private let wire: Wire
  private let closePromise: EventLoopPromise<Void>
  private(set) var isOpen = true
  private var unflushed: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
  private var inbound = CircularBuffer<ByteBuffer>()
  private var isReadWanted = false
  private var isPeerGone = false
  /// What was written and has not left yet.
  private var byteCountUnderWay = 0

  init(_ process: SimulatedProcess, sendsOn wire: Wire) {
    self.process = process
    self.wire = wire
    eventLoop = process.loop
    closePromise = process.loop.makePromise()
    process.world.network.remember(self)
  }

  // MARK: - Life

  /// Opens the connection on its event loop.
  func open() {
    isActive = true
    pipeline.syncOperations.fireChannelRegistered()
    pipeline.syncOperations.fireChannelActive()
    readIfNeeded()
  }

  /// The connection is gone, from outside; what has come before can still be read.
  func breakOff() {
    isPeerGone = true
    guard isOpen, inbound.isEmpty else { return }
    abort()
  }

  /// The connection is gone with all that was not read.
  func abort() {
    close0(error: ChannelError.eof, mode: .all, promise: nil)
  }

  package func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard isOpen else {
      promise?.fail(ChannelError.alreadyClosed)
      return
    }
    isOpen = false
    let wasActive = isActive
    isActive = false
    for write in unflushed { write.promise?.fail(ChannelError.ioOnClosedChannel) }
    unflushed = []
    inbound.removeAll()
    wire.end()
    process.world.network.forget(self)
    promise?.succeed(())
    if wasActive {
      pipeline.syncOperations.fireChannelInactive()
      pipeline.syncOperations.fireChannelUnregistered()
    }
    // Handlers may still be in the middle of the pipeline.
    process.enqueue(
      .loop(
        {
          self.removeHandlers(pipeline: self.pipeline)
          self.closePromise.succeed(())
        }, drop: nil))
  }

  // MARK: - Reading

  /// Something has come.
  func receive(_ bytes: ByteBuffer) {
    guard isOpen, bytes.readableBytes > 0 else { return }
    inbound.append(bytes)
    readAll()
  }

  package func read0() {
    isReadWanted = true
    guard !inbound.isEmpty || isPeerGone else { return }
    // Not in the middle of what asks.
    process.enqueue(.loop({ self.readAll() }, drop: nil))
  }

  private func readAll() {
    guard isOpen, isActive, isReadWanted else { return }
    if inbound.isEmpty {
      if isPeerGone { close0(error: ChannelError.eof, mode: .all, promise: nil) }
      return
    }
    isReadWanted = false
    while let bytes = inbound.popFirst() {
      pipeline.syncOperations.fireChannelRead(NIOAny(bytes))
      if !isOpen { return }
    }
    pipeline.syncOperations.fireChannelReadComplete()
    readIfNeeded()
  }

  private func readIfNeeded() {
    if isActive, !isReadWanted { pipeline.syncOperations.read() }
  }

  // MARK: - Writing

  package func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard isOpen else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    unflushed.append((unwrapData(data, as: ByteBuffer.self), promise))
    byteCountUnderWay += unflushed[unflushed.count - 1].bytes.readableBytes
    if isWritable, byteCountUnderWay > Sockets.queuedByteCountMax {
      isWritable = false
      pipeline.syncOperations.fireChannelWritabilityChanged()
    }
  }

  package func flush0() {
    guard isOpen else { return }
    let writes = unflushed
    unflushed = []
    for write in writes {
      wire.send(write.bytes)
      write.promise?.succeed(())
    }
  }

  /// So many bytes have left. May come from any process.
  func sent(_ byteCount: Int) {
    byteCountUnderWay -= byteCount
    guard isOpen, !isWritable, byteCountUnderWay == 0 else { return }
    process.enqueue(
      .loop(
        {
          guard self.isOpen, !self.isWritable else { return }
          self.isWritable = true
          self.pipeline.syncOperations.fireChannelWritabilityChanged()
        }, drop: nil))
  }

  // MARK: - What a channel must have besides

  package var closeFuture: EventLoopFuture<Void> { closePromise.futureResult }

  package var _channelCore: any ChannelCore { self }

  package func setOption<Option: ChannelOption>(
    _ option: Option, value: Option.Value
  ) -> EventLoopFuture<Void> {
    eventLoop.makeSucceededVoidFuture()
  }

  package func getOption<Option: ChannelOption>(
    _ option: Option
  ) -> EventLoopFuture<Option.Value> {
    eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
  }

  package func localAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }

  package func remoteAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }

  package func register0(promise: EventLoopPromise<Void>?) { refuse(promise) }

  package func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) { refuse(promise) }

  package func bind0(to address: SocketAddress, promise: EventLoopPromise<Void>?) {
    refuse(promise)
  }

  package func connect0(to address: SocketAddress, promise: EventLoopPromise<Void>?) {
    refuse(promise)
  }

  package func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
    promise?.succeed(())
  }

  package func channelRead0(_ data: NIOAny) {}

  package func errorCaught0(error: any Error) {}

  private func refuse(_ promise: EventLoopPromise<Void>?) {
    promise?.fail(ChannelError.operationUnsupported)
  }
}
