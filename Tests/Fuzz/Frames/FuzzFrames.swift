internal import FuzzDriver
internal import WireFormat

/// Frames from outside: what `FrameHead` and `FrameCodec` make of bytes must be what protobuf-c's own
/// unpacking of the whole message makes of them, and what they write must be the same bytes, and
/// read as what was written.
@main
enum FuzzFrames {
  static func main() {
    fuzz { bytes, count in
      FuzzFrames.run(UnsafeRawBufferPointer(start: bytes, count: count))
      return 0
    }
  }

  private static func run(_ bytes: UnsafeRawBufferPointer) {
    let read = try? FrameCodec.read(bytes)
    let unpacked = try? Frame(packed: bytes)
    let head = FrameHead(plain: bytes)
    guard let read else {
      guard head == nil else { fail("a plain frame that is none") }
      return
    }
    guard let unpacked else { fail("a frame was read that protobuf-c cannot unpack") }
    guard Array(bytes[read.payload]) == unpacked.payload else { fail("another payload") }
    var bare = unpacked
    bare.payload = []
    guard bare == read.frame else { fail("other fields") }
    guard Int(read.frame.kind) == read.kind.rawValue else { fail("another kind") }

    if let head { check(head, is: read) }

    var written: [UInt8] = []
    FrameCodec.append(read.frame, payload: unpacked.payload, to: &written)
    written.withUnsafeBytes { written in
      let length = try? FrameCodec.frameByteCount(at: written, limit: written.count)
      guard length == written.count - FrameCodec.prefixByteCount else { fail("a wrong length") }
      let again = UnsafeRawBufferPointer(rebasing: written[FrameCodec.prefixByteCount...])
      guard let reread = try? FrameCodec.read(again), reread.frame == read.frame,
        Array(again[reread.payload]) == unpacked.payload
      else { fail("what was written reads otherwise") }
    }
  }

  /// The plain form is read and written without protobuf-c: as it would.
  private static func check(_ head: FrameHead, is read: ReceivedFrame) {
    let frame = read.frame
    guard
      head.kind == frame.kind, head.stream == frame.stream, head.method == frame.method,
      head.flags == frame.flags, head.timeoutUs == frame.timeoutUs, head.status == frame.status,
      head.credit == frame.credit, head.payloadByteCount == read.payload.count,
      read.payload.isEmpty || head.payloadStart == read.payload.lowerBound,
      frame.metadata.isEmpty, frame.trace.isEmpty
    else { fail("a plain frame with other fields") }
    var plain = [UInt8](repeating: 0, count: FrameHead.byteCountMax)
    let byteCount = plain.withUnsafeMutableBytes {
      head.write(payloadByteCount: read.payload.count, into: $0)
    }
    var packed: [UInt8] = []
    FrameCodec.append(
      frame, payload: [UInt8](repeating: 0, count: read.payload.count), to: &packed)
    guard packed.count == byteCount + read.payload.count,
      packed.prefix(byteCount) == plain.prefix(byteCount)
    else { fail("a plain frame is written in other bytes") }
  }

  private static func fail(_ what: String) -> Never { fatalError(what) }
}
