public import Transport
public import WireFormat

/// Looks at every call of a client: adds to what travels with it, refuses it, counts it.
public protocol ClientInterceptor: Sendable {
  /// Before a call is made. What it throws is what the caller gets; nothing is sent then.
  func begin(_ method: MethodDescriptor, _ options: inout CallOptions) throws(RPCError)

  /// After a call has ended; for a call that streams, after it was opened or could not be.
  func end(_ method: MethodDescriptor, _ code: StatusCode, microseconds: Int64)
}

extension ClientInterceptor {
  public func begin(_ method: MethodDescriptor, _ options: inout CallOptions) throws(RPCError) {}
  public func end(_ method: MethodDescriptor, _ code: StatusCode, microseconds: Int64) {}
}

/// A call that has come to a server and was not looked into yet.
public struct IncomingCall: Sendable {
  /// The method.
  public let method: MethodDescriptor
  /// Who calls.
  public let peer: PeerIdentity
  /// What travels with the call.
  public let metadata: Metadata

  init(_ method: MethodDescriptor, _ peer: PeerIdentity, _ metadata: Metadata) {
    self.method = method
    self.peer = peer
    self.metadata = metadata
  }
}

/// Looks at every call of a server: refuses it, counts it. Called on the event loop: quick, never
/// waiting.
public protocol ServerInterceptor: Sendable {
  /// After the caller was found to have the scope, before the request is decoded. What it throws is
  /// what the caller gets.
  func admit(_ call: IncomingCall) throws(RPCError)

  /// After a call that reached a method has ended.
  func end(_ call: FinishedCall)
}

extension ServerInterceptor {
  public func admit(_ call: IncomingCall) throws(RPCError) {}
  public func end(_ call: FinishedCall) {}
}
