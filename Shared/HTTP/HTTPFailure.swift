internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Why something could not be sent. The texts never hold what was sent or answered.
public struct HTTPFailure: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  /// Whether the time that was given ran out.
  public let isTimeout: Bool

  init(description: String, isTimeout: Bool = false) {
    self.description = description
    self.isTimeout = isTimeout
  }
}

extension HTTPFailure {
  /// What NIO says, in words for people.
  init(_ error: any Error) {
    switch error {
    case let failure as HTTPFailure:
      self = failure
    case let failure as NIOConnectionError:
      if let first = failure.connectionErrors.first {
        self.init(first.error)
      } else {
        self.init(description: "the host's name is not known")
      }
    case ChannelError.connectTimeout:
      self.init(description: "no connection in time", isTimeout: true)
    case let failure as IOError:
      self.init(description: Self.reason(failure))
    case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
      self.init(description: "no trust in the other side: \(error)")
    default:
      self.init(description: "the connection broke")
    }
  }

  /// The cause without the name of the system's function, which NIO puts beside it.
  private static func reason(_ error: IOError) -> String {
    switch error.errnoCode {
    case ECONNREFUSED: "the connection was refused"
    case EHOSTUNREACH, ENETUNREACH: "there is no way to the host"
    case ETIMEDOUT: "no connection in time"
    default: "the connection broke"
    }
  }
}
