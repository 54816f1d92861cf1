internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// What went wrong with a socket or a handshake, in words for people.
package func reason(of error: any Error) -> String {
  switch error {
  case let error as IOError: text(of: error)
  case let error as NIOConnectionError: reason(of: error)
  case is ChannelError: channelReason(of: error)
  case let error as NIOSSLError: handshakeReason(of: error)
  case let error as BoringSSLError: alertReason(in: "\(error)")
  case let error as TransportError: error.description
  default: "\(type(of: error))"
  }
}

private func text(of error: IOError) -> String {
  switch error.errnoCode {
  case ECONNREFUSED: "connection refused"
  case EADDRINUSE: "the port is in use"
  case EACCES: "permission denied"
  case EADDRNOTAVAIL: "the address does not belong to this machine"
  case ETIMEDOUT: "timed out"
  case EHOSTUNREACH, ENETUNREACH: "no route to the host"
  case ECONNRESET, EPIPE: "the other side closed the connection"
  case EMFILE, ENFILE: "too many open files"
  default: "system error \(error.errnoCode)"
  }
}

private func reason(of error: NIOConnectionError) -> String {
  if let first = error.connectionErrors.first { return reason(of: first.error) }
  return "the name \(error.host) cannot be resolved"
}

private func channelReason(of error: any Error) -> String {
  switch error {
  case ChannelError.connectTimeout: "timed out"
  case ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed, ChannelError.eof:
    "the connection is closed"
  default: "the connection failed"
  }
}

private func handshakeReason(of error: NIOSSLError) -> String {
  switch error {
  case .handshakeFailed(let cause): alertReason(in: "\(cause)")
  case .uncleanShutdown: "the other side closed the connection without a TLS goodbye"
  default: "TLS failed: \(error)"
  }
}

// BoringSSL names the reason inside the text of its error stack; there is no code to compare.
private func alertReason(in text: String) -> String {
  if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
    return "the other side does not speak TLS"
  }
  if text.contains("CERTIFICATE_REQUIRED") || text.contains("DID_NOT_RETURN_A_CERTIFICATE") {
    return "no client certificate was shown"
  }
  if text.contains("ALERT") { return "the other side refused our certificate (its log says why)" }
  if text.contains("CERTIFICATE_VERIFY_FAILED") { return "the certificate was refused" }
  if text.contains("UNSUPPORTED_PROTOCOL") || text.contains("PROTOCOL_VERSION") {
    return "the other side does not speak TLS 1.3"
  }
  return "the TLS handshake failed"
}
