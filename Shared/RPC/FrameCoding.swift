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

/// A frame as it came in. It lies in the bytes that were read, and is valid only while they are
/// looked at: who wants the payload for later copies it.
struct InboundFrame {
  let head: FrameHead
  /// What few frames have.
  let extras: FrameExtras?
  /// The payload where it lies.
  let payload: UnsafeRawBufferPointer

  /// Reads a frame, given without its length prefix.
  init(_ bytes: UnsafeRawBufferPointer) throws(ConnectionViolation) {
    if let plain = FrameHead(plain: bytes) {
      head = plain
      extras = nil
      payload = UnsafeRawBufferPointer(
        rebasing: bytes[plain.payloadStart..<(plain.payloadStart + plain.payloadByteCount)])
      return
    }
    do throws(WireError) {
      let received = try FrameCodec.read(bytes)
      let frame = received.frame
      head = FrameHead(
        kind: frame.kind, stream: frame.stream, method: frame.method, flags: frame.flags,
        timeoutUs: frame.timeoutUs, status: frame.status, credit: frame.credit)
      extras = FrameExtras(metadata: frame.metadata, trace: frame.trace)
      payload = UnsafeRawBufferPointer(rebasing: bytes[received.payload])
    } catch {
      throw ConnectionViolation(.invalidArgument, "bytes that are no frame: \(error)")
    }
  }

  var kind: FrameKind { FrameKind(rawValue: Int32(truncatingIfNeeded: head.kind)) }
  var stream: UInt32 { head.stream }
  var method: UInt32 { head.method }
  var timeoutUs: UInt64 { head.timeoutUs }
  var status: UInt32 { head.status }
  var credit: UInt32 { head.credit }
  var flags: FrameFlags { FrameFlags(rawValue: head.flags) }
}

/// Metadata and trace of a CALL. A class, so that a frame is small.
final class FrameExtras {
  let metadata: [WireFormat.Entry]
  let trace: [UInt8]

  init(metadata: [WireFormat.Entry], trace: [UInt8]) {
    self.metadata = metadata
    self.trace = trace
  }
}

extension FrameHead {
  /// A frame of one kind; what is not said is absent.
  init(
    _ kind: FrameKind, stream: UInt32 = 0, flags: FrameFlags = [], status: StatusCode = .ok,
    credit: Int = 0
  ) {
    self.init(
      kind: UInt32(kind.rawValue), stream: stream, flags: flags.rawValue, status: status.rawValue,
      credit: UInt32(credit))
  }
}

extension ByteBuffer {
  /// Adds a frame with its payload behind the length prefix.
  mutating func write(_ head: FrameHead, payload: UnsafeRawBufferPointer) {
    writeWithUnsafeMutableBytes(
      minimumWritableBytes: FrameHead.byteCountMax + payload.count
    ) { target in
      let byteCount = head.write(payloadByteCount: payload.count, into: target)
      if let start = target.baseAddress, let from = payload.baseAddress {
        (start + byteCount).copyMemory(from: from, byteCount: payload.count)
      }
      return byteCount + payload.count
    }
  }

  /// The same for a frame that may have metadata and a trace.
  mutating func write(_ frame: Frame, payload: ByteBuffer) {
    let byteCount = FrameCodec.byteCount(frame, payloadByteCount: payload.readableBytes)
    writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { target in
      payload.withUnsafeReadableBytes { FrameCodec.write(frame, payload: $0, into: target) }
    }
  }

  /// The packed form of a message.
  init(_ message: some WireMessage) {
    self.init()
    message.pack { writeBytes($0) }
  }
}
