internal import NIOCore
internal import Synchronization

/// A connection as tasks on other threads hold it.
///
/// What they ask of it waits in a mailbox that the event loop empties at once: many calls cost one
/// wake-up of the loop, and their frames go out together.
final class Connection: Sendable {
  typealias Request = @Sendable (ConnectionHandler) -> Void

  let eventLoop: any EventLoop
  private let handler: NIOLoopBound<ConnectionHandler>
  private let mailbox = Mutex<[Request]>([])

  /// Must be made on the connection's event loop.
  init(_ handler: ConnectionHandler, eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
  }

  /// Runs `body` on the event loop: at once when already there, else in the order of the calls.
  func run(_ body: @escaping Request) {
    if eventLoop.inEventLoop {
      body(handler.value)
      return
    }
    let isFirst = mailbox.withLock { requests in
      requests.append(body)
      return requests.count == 1
    }
    if isFirst { eventLoop.execute { self.empty() } }
  }

  private func empty() {
    let requests = mailbox.withLock { requests in
      let taken = requests
      requests = []
      requests.reserveCapacity(min(taken.count, 256))
      return taken
    }
    handler.value.inOneFlush { handler in
      for request in requests { request(handler) }
    }
  }
}
