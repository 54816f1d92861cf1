public import SealedStore
public import WireFormat

/// A protobuf message as the value of a table: what a service stores has a schema like what it
/// sends.
public struct StoredMessage<Message: WireMessage>: StoreValue {
  /// The message.
  public let message: Message
  private let packed: [UInt8]?

  /// `message`, to be stored.
  public init(_ message: Message) {
    self.message = message
    packed = nil
  }

  /// The same where the packed message is at hand: it is not packed again.
  public init(_ message: Message, packed: [UInt8]) {
    self.message = message
    self.packed = packed
  }

  public func encodeValue() -> [UInt8] { packed ?? message.packed() }

  public init(storedValue bytes: [UInt8]) throws {
    packed = nil
    message = try unsafe bytes.withUnsafeBytes { try unsafe Message(packed: $0) }
  }
}
