/// A failed call: what a client catches and what a handler may throw. Never carries personal data.
public struct RPCError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of failure.
  public let code: StatusCode

  /// One sentence for people.
  public let message: String

  /// Facts a program can act on.
  public let details: [StatusDetail]

  /// A failure. What goes beyond the limits of the wire (message 4,096 bytes, 16 details) is cut
  /// off when it is sent.
  public init(_ code: StatusCode, _ message: String, details: [StatusDetail] = []) {
    self.code = code
    self.message = message
    self.details = details
  }

  /// The value of the first detail with this key.
  public func detail(_ key: String) -> String? { details.first { $0.key == key }?.value }

  public var description: String { message.isEmpty ? "\(code)" : "\(code): \(message)" }
}

/// One machine-readable fact about a failure: `retry-after-ms` = `250`.
public struct StatusDetail: Hashable, Sendable {
  /// What kind of fact.
  public let key: String

  /// The fact, as text.
  public let value: String

  /// The fact `value` of the kind `key`.
  public init(_ key: String, _ value: String) {
    self.key = key
    self.value = value
  }
}

/// An error that knows how it looks to a caller. Services conform their error types; every other
/// error that a handler throws reaches the caller as INTERNAL without a text. What is INTERNAL
/// stands in the log in full.
public protocol RPCErrorConvertible: Error {
  /// The error as its caller sees it.
  var rpcError: RPCError { get }
}

extension RPCError: RPCErrorConvertible {
  public var rpcError: RPCError { self }
}

extension RPCError {
  /// The caller's own task was cancelled, or it cancelled the call.
  static let cancelled = RPCError(.cancelled, "the call was cancelled")

  /// The time was up before a reply came.
  static func deadlineExceeded(_ method: String) -> RPCError {
    RPCError(.deadlineExceeded, "\(method) did not finish in time")
  }

  /// The call's stream is closed already.
  static let ended = RPCError(.failedPrecondition, "the call has ended")
}
