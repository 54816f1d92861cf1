internal import NIOCore

/// Cuts the byte stream of a connection into frames: a u32 big-endian length, then that many
/// bytes. A length that is not allowed is refused before anything is set aside for it.
///
/// Frames are looked at where they were read. Only the beginning of one that goes on in the next
/// read is kept, in memory of its own: the socket's buffer is free again after every read.
struct FrameScanner {
  private var part = ByteBuffer()
  /// Whether the bytes that are looked at are such memory.
  private var isJoined = false
  private let byteCountMax: Int

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// Whether a frame has begun and not ended.
  var hasPart: Bool { part.readableBytes > 0 }

  /// What is to be looked at now that these bytes have come: they, behind the part that was kept.
  mutating func join(_ bytes: ByteBuffer) -> ByteBuffer {
    isJoined = hasPart
    guard isJoined else { return bytes }
    var joined = part
    part = ByteBuffer()
    joined.writeImmutableBuffer(bytes)
    return joined
  }

  /// Keeps what follows the first `byteCount` bytes, which were whole frames.
  mutating func keep(_ bytes: ByteBuffer, after byteCount: Int) {
    guard byteCount < bytes.readableBytes else { return }
    // A frame that comes byte by byte must not be copied for each of them.
    if isJoined, byteCount == 0 {
      part = bytes
      return
    }
    bytes.withUnsafeReadableBytes { bytes in
      let rest = UnsafeRawBufferPointer(rebasing: bytes[byteCount...])
      var whole = rest.count
      if let length = Self.length(rest), length <= byteCountMax { whole = 4 + length }
      part = ByteBuffer()
      part.reserveCapacity(max(whole, rest.count))
      part.writeBytes(rest)
    }
  }

  /// The next whole frame at the start of the bytes, with how many bytes it takes there; `nil`
  /// until more of them come.
  func frame(
    at bytes: UnsafeRawBufferPointer
  ) throws(ConnectionViolation) -> (frame: InboundFrame, byteCount: Int)? {
    guard let byteCount = Self.length(bytes) else { return nil }
    guard byteCount > 0 else { throw .init(.invalidArgument, "a frame of length 0") }
    guard byteCount <= byteCountMax else {
      throw .init(
        .resourceExhausted,
        "a frame of \(byteCount) bytes is longer than the \(byteCountMax) allowed")
    }
    guard bytes.count >= 4 + byteCount else { return nil }
    let frame = try InboundFrame(UnsafeRawBufferPointer(rebasing: bytes[4..<(4 + byteCount)]))
    return (frame, 4 + byteCount)
  }

  private static func length(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= 4 else { return nil }
    return Int(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
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
