public import WireFormat

/// A message as bytes: for whoever sends and receives messages whose types this build may not
/// know. What the bytes mean is another's concern.
public struct PackedMessage: WireMessage, Hashable {
  /// No name of its own: it stands for every message.
  public static var messageName: String { "message" }

  /// The packed message.
  public var bytes: [UInt8]

  /// The message without fields.
  public init() { bytes = [] }

  /// The message that `bytes` are.
  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  public init(packed bytes: UnsafeRawBufferPointer, limit: UnpackLimit) throws(WireError) {
    self.bytes = Array(bytes)
  }

  public func packed() -> [UInt8] { bytes }

  public func withPacked<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let result = bytes.withUnsafeBytes { bytes in
      Swift.Result { () throws(Failure) in try body(bytes) }
    }
    return try result.get()
  }
}
