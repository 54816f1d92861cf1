internal import NIOCore

/// A connection as tasks on other threads hold it.
struct Connection: Sendable {
  let eventLoop: any EventLoop
  private let handler: NIOLoopBound<ConnectionHandler>

  /// Must be made on the connection's event loop.
  init(_ handler: ConnectionHandler, eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
  }

  /// Runs `body` on the event loop: at once when already there, else in the order of the calls.
  func run(_ body: @escaping @Sendable (ConnectionHandler) -> Void) {
    if eventLoop.inEventLoop {
      body(handler.value)
    } else {
      eventLoop.execute { body(handler.value) }
    }
  }
}
