/// How many messages go each way in a call.
public enum CallKind: Hashable, Sendable, CaseIterable {
  /// One request, one reply.
  case unary
  /// Many requests, one reply.
  case clientStreaming
  /// One request, many replies.
  case serverStreaming
  /// Many of both, at the same time.
  case bidirectional
}

/// A method of the schema: what a router and a client must know of it.
public struct MethodDescriptor: Hashable, Sendable {
  /// The id on the wire: FNV-1a (32 bits) of `name`; the generator refuses collisions.
  public let id: UInt32
  /// The full name: `tacit.consent.v1.Consent/Grant`.
  public let name: String
  /// How many messages go each way.
  public let kind: CallKind
  /// The scope that a caller must hold.
  public let scope: String
  /// Short and never waiting: the handler may run where the frame was read.
  public let isInline: Bool
  /// Safe to send again: a client may retry it by itself.
  public let isIdempotent: Bool

  /// A method; the generated tables are where these are made.
  public init(
    id: UInt32, name: String, kind: CallKind, scope: String, isInline: Bool, isIdempotent: Bool
  ) {
    self.id = id
    self.name = name
    self.kind = kind
    self.scope = scope
    self.isInline = isInline
    self.isIdempotent = isIdempotent
  }
}
