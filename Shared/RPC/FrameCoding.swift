internal import NIOCore
internal import WireFormat

/// The bits of a frame's `flags`.
struct FrameFlags: OptionSet {
  let rawValue: UInt32
  /// The sender sends nothing more on this stream.
  static let endStream = FrameFlags(rawValue: 1)
  /// The message goes on in the next DATA.
  static let more = FrameFlags(rawValue: 2)
  static let known: FrameFlags = [.endStream, .more]
}

/// A frame as it came in; its payload is a slice of the bytes that were read.
@dynamicMemberLookup
struct InboundFrame {
  let kind: FrameKind
  let payload: ByteBuffer
  private let head: Frame

  /// Reads one frame, given without its length prefix.
  init(_ bytes: ByteBuffer) throws(ConnectionViolation) {
    do {
      let received = try bytes.withUnsafeReadableBytes { try FrameCodec.read($0) }
      let slice = bytes.getSlice(
        at: bytes.readerIndex + received.payload.lowerBound, length: received.payload.count)
      kind = received.kind
      payload = slice ?? ByteBuffer()
      head = received.frame
    } catch let error as WireError {
      throw ConnectionViolation(.invalidArgument, "bytes that are no frame: \(error)")
    } catch {
      throw ConnectionViolation(.invalidArgument, "bytes that are no frame")
    }
  }

  var flags: FrameFlags { FrameFlags(rawValue: head.flags) }

  subscript<Value>(dynamicMember field: KeyPath<Frame, Value>) -> Value { head[keyPath: field] }
}

extension ByteBuffer {
  /// Adds a frame with its payload behind the length prefix.
  mutating func write(_ frame: Frame, payload: ByteBuffer) {
    let byteCount = FrameCodec.byteCount(frame, payloadByteCount: payload.readableBytes)
    writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { target in
      payload.withUnsafeReadableBytes { FrameCodec.write(frame, payload: $0, into: target) }
    }
  }

  /// The packed form of a message.
  init(_ message: some WireMessage) {
    self = message.withPacked { ByteBuffer(bytes: $0) }
  }
}
