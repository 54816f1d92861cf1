internal import Logging
internal import NIOCore
internal import Transport
internal import WireFormat

// How a connection joins and leaves the server or client it belongs to.
extension ConnectionHandler {
  func registerWithRole() {
    guard case .server(let core) = role, let own else { return }
    switch core.add(ObjectIdentifier(self), own) {
    case .accepted: holdConnection()
    case .tooMany: turnAway("too many connections")
    case .noMemory: turnAway("the server holds as much as it may for its clients")
    case .draining: turnAway("the server is shutting down")
    }
  }

  func unregisterFromRole(_ error: RPCError) {
    switch role {
    case .server(let core):
      core.remove(ObjectIdentifier(self))
      releaseConnection()
    case .client(let core):
      core.executor.closed(self)
      core.ended(error)
    }
  }

  private func turnAway(_ message: String) {
    log.warning("turning a connection away", metadata: ["reason": "\(message)"])
    if handshake.identity != nil {
      sendGoaway(.unavailable, message)
      flush()
    }
    fail(RPCError(.unavailable, message))
  }
}
