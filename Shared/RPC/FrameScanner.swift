internal import NIOCore

/// Cuts the byte stream of a connection into frames: a u32 big-endian length, then that many
/// bytes. A length that is not allowed is refused before anything is set aside for it.
struct FrameScanner {
  private var buffer: ByteBuffer?
  private let byteCountMax: Int

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// Whether a frame has begun and not ended.
  var hasPart: Bool { (buffer?.readableBytes ?? 0) > 0 }

  /// Adds bytes as they arrive.
  mutating func append(_ bytes: ByteBuffer) {
    guard var held = buffer, held.readableBytes > 0 else {
      buffer = bytes
      return
    }
    buffer = nil
    var bytes = bytes
    held.discardReadBytes()
    if let byteCount = Self.length(in: held), byteCount <= byteCountMax {
      held.reserveCapacity(byteCount + 4)
    }
    held.writeBuffer(&bytes)
    buffer = held
  }

  /// The next whole frame, or `nil` until more bytes come.
  mutating func next() throws(ConnectionViolation) -> InboundFrame? {
    guard let held = buffer, let byteCount = Self.length(in: held) else { return nil }
    guard byteCount > 0 else { throw .init(.invalidArgument, "a frame of length 0") }
    guard byteCount <= byteCountMax else {
      throw .init(
        .resourceExhausted,
        "a frame of \(byteCount) bytes is longer than the \(byteCountMax) allowed")
    }
    guard held.readableBytes >= 4 + byteCount else { return nil }
    let frame = try InboundFrame(in: held, at: held.readerIndex + 4, byteCount: byteCount)
    buffer?.moveReaderIndex(forwardBy: 4 + byteCount)
    return frame
  }

  private static func length(in buffer: ByteBuffer) -> Int? {
    buffer.getInteger(at: buffer.readerIndex, as: UInt32.self).map(Int.init)
  }
}

/// The peer broke a rule of the protocol, so the connection ends with a GOAWAY that says which.
struct ConnectionViolation: Error, Equatable {
  let code: StatusCode
  let message: String

  init(_ code: StatusCode, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The peer does not speak this protocol at all.
  static let otherProtocol = ConnectionViolation(
    .invalidArgument,
    "something that is not this protocol; does one side use TLS and the other plain TCP?")
}
