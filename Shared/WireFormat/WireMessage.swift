/// A message of the schema as a Swift value. Every conformance is written by tacit-protogen;
/// protobuf-c does the packing and the unpacking.
public protocol WireMessage: Sendable {
  /// The name in the schema: `tacit.consent.v1.GrantRequest`.
  static var messageName: String { get }

  /// A message with every field zero, empty or absent.
  init()

  /// Reads a packed message. Bytes from outside never trap: what does not parse, needs more
  /// memory than `limit`, holds text that is not UTF-8 or has a NUL, or passes a field's own
  /// limit is an error that names the field.
  init(packed bytes: UnsafeRawBufferPointer, limit: UnpackLimit) throws(WireError)

  /// The message in protobuf's wire format. A NUL within a text is written as U+FFFD, since no
  /// receiver accepts it.
  func packed() -> [UInt8]

  /// Like `packed`, without an array: the bytes are valid only while `body` runs.
  func withPacked<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result

  /// Like `withPacked`, for a body that neither fails nor gives anything back.
  func pack(_ body: (UnsafeRawBufferPointer) -> Void)
}

extension WireMessage {
  /// By way of `withPacked`.
  public func pack(_ body: (UnsafeRawBufferPointer) -> Void) { unsafe withPacked(body) }
}

extension WireMessage {
  /// Reads a packed message within the standard limit.
  public init(packed bytes: UnsafeRawBufferPointer) throws(WireError) {
    try unsafe self.init(packed: bytes, limit: .standard)
  }

  /// Reads a packed message from an array.
  public init(packed bytes: [UInt8], limit: UnpackLimit = .standard) throws(WireError) {
    let result = unsafe bytes.withUnsafeBytes { bytes in
      Swift.Result { () throws(WireError) in try unsafe Self(packed: bytes, limit: limit) }
    }
    self = try result.get()
  }
}
