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

/// A frame as it came in; its payload lies in the bytes that were read.
struct InboundFrame {
  let head: FrameHead
  /// What few frames have.
  let extras: FrameExtras?
  private let source: ByteBuffer
  private let payloadIndex: Int

  /// Reads the frame that stands, without its length prefix, at `index` of the buffer.
  init(in source: ByteBuffer, at index: Int, byteCount: Int) throws(ConnectionViolation) {
    self.source = source
    let offset = index - source.readerIndex
    let plain = source.withUnsafeReadableBytes {
      FrameHead(plain: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + byteCount)]))
    }
    if let plain {
      head = plain
      extras = nil
      payloadIndex = index + plain.payloadStart
      return
    }
    do {
      let received = try source.withUnsafeReadableBytes {
        try FrameCodec.read(
          UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + byteCount)]))
      }
      let frame = received.frame
      var head = FrameHead(
        kind: frame.kind, stream: frame.stream, method: frame.method, flags: frame.flags,
        timeoutUs: frame.timeoutUs, status: frame.status, credit: frame.credit)
      head.payloadByteCount = received.payload.count
      self.head = head
      extras = FrameExtras(metadata: frame.metadata, trace: frame.trace)
      payloadIndex = index + received.payload.lowerBound
    } catch let error as WireError {
      throw ConnectionViolation(.invalidArgument, "bytes that are no frame: \(error)")
    } catch {
      throw ConnectionViolation(.invalidArgument, "bytes that are no frame")
    }
  }

  var kind: FrameKind { FrameKind(rawValue: Int32(truncatingIfNeeded: head.kind)) }
  var stream: UInt32 { head.stream }
  var method: UInt32 { head.method }
  var timeoutUs: UInt64 { head.timeoutUs }
  var status: UInt32 { head.status }
  var credit: UInt32 { head.credit }
  var payloadByteCount: Int { head.payloadByteCount }
  var flags: FrameFlags { FrameFlags(rawValue: head.flags) }

  /// The payload, which shares the memory that was read.
  var payload: ByteBuffer {
    source.getSlice(at: payloadIndex, length: head.payloadByteCount) ?? ByteBuffer()
  }

  /// The payload where it lies.
  func withPayload<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    let offset = payloadIndex - source.readerIndex
    return try source.withUnsafeReadableBytes {
      try body(
        UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + head.payloadByteCount)]))
    }
  }
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
