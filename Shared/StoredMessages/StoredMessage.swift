public import SealedStore
public import WireFormat

/// A protobuf message as the value of a table: what a service stores has a schema like what it
/// sends.
public struct StoredMessage<Message: WireMessage>: StoreValue {
  /// The message.
  public var message: Message

  /// `message`, to be stored.
  public init(_ message: Message) { self.message = message }

  public func encodeValue() -> [UInt8] { message.packed() }

  public init(storedValue bytes: [UInt8]) throws {
    message = try unsafe bytes.withUnsafeBytes { try unsafe Message(packed: $0) }
  }
}
