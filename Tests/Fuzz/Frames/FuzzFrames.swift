internal import FuzzDriver
internal import WireFormat

/// Frames from outside: what `FrameCodec` makes of bytes must be what protobuf-c's own unpacking of
/// the whole message makes of them, and what it writes must read as what was written.
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
    guard let read else { return }
    guard let unpacked else { fail("a frame was read that protobuf-c cannot unpack") }
    guard Array(bytes[read.payload]) == unpacked.payload else { fail("another payload") }
    var head = unpacked
    head.payload = []
    guard head == read.frame else { fail("other fields") }
    guard Int(read.frame.kind) == read.kind.rawValue else { fail("another kind") }

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

  private static func fail(_ what: String) -> Never { fatalError(what) }
}
