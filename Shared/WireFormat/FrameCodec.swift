internal import CProtobufC
internal import CTacitProtos

#if canImport(Glibc)
  internal import Glibc
#endif

/// A frame as it came in: everything but its payload, and where the payload stands.
public struct ReceivedFrame: Equatable, Sendable {
  /// The frame, with an empty payload.
  public var frame: Frame
  /// The frame's kind, known to this build.
  public var kind: FrameKind
  /// The payload's place in the bytes that were read.
  public var payload: Range<Int>
}

/// Frames and their bytes: a u32 big-endian length, then one packed `Frame`. Payloads are not
/// copied into Swift on either way. No I/O.
public enum FrameCodec {
  /// The bytes of the length that precedes every frame.
  public static let prefixByteCount = 4

  /// Looks for a whole frame, without its prefix, at the start of what was received: its length,
  /// or nil while the prefix is not complete. A length of 0 or past the limit is refused, before
  /// anything is set aside for it.
  public static func frameByteCount(
    at received: UnsafeRawBufferPointer, limit: Int
  ) throws(WireError) -> Int? {
    guard received.count >= prefixByteCount else { return nil }
    let prefix = unsafe received.loadUnaligned(as: UInt32.self)
    let byteCount = Int(UInt32(bigEndian: prefix))
    if byteCount == 0 { throw .emptyFrame }
    if byteCount > limit { throw .frameTooLong(byteCount: byteCount, limit: limit) }
    return byteCount
  }

  /// How many bytes `write` needs, with the prefix. The frame's own payload must be empty.
  public static func byteCount(_ frame: Frame, payloadByteCount: Int) -> Int {
    unsafe withStructure(of: frame, payload: nil, byteCount: payloadByteCount) { message in
      unsafe prefixByteCount + protobuf_c_message_get_packed_size(message)
    }
  }

  /// Writes prefix and frame with `payload` in place, and returns how many bytes those are; 0
  /// when there is no room, and nothing is written. The frame's own payload must be empty.
  public static func write(
    _ frame: Frame, payload: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) -> Int {
    unsafe withStructure(
      of: frame, payload: payload.baseAddress, byteCount: payload.count
    ) { message in
      let byteCount = unsafe protobuf_c_message_get_packed_size(message)
      guard let start = target.baseAddress, prefixByteCount + byteCount <= target.count,
        let prefix = UInt32(exactly: byteCount)
      else { return 0 }
      unsafe start.storeBytes(of: prefix.bigEndian, as: UInt32.self)
      unsafe protobuf_c_message_pack(
        message, (start + prefixByteCount).assumingMemoryBound(to: UInt8.self))
      return prefixByteCount + byteCount
    }
  }

  /// Appends prefix and frame with `payload` in place.
  public static func append(_ frame: Frame, payload: [UInt8], to bytes: inout [UInt8]) {
    let byteCount = byteCount(frame, payloadByteCount: payload.count)
    bytes += unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { target, written in
      written = unsafe payload.withUnsafeBytes { payload in
        unsafe write(frame, payload: payload, into: UnsafeMutableRawBufferPointer(target))
      }
    }
  }

  /// Reads one frame, given without its prefix. Unknown kinds are refused, and frames whose
  /// payload is not their last field, which no writer in the order of the field numbers makes.
  public static func read(
    _ bytes: UnsafeRawBufferPointer, limit: UnpackLimit = .standard
  ) throws(WireError) -> ReceivedFrame {
    let byteCountMax = limit.byteCount(packed: bytes.count)
    return try Arena.with(byteCountMax: byteCountMax) { arena throws(WireError) in
      let message = try unsafe Frame.structure(
        unpacking: bytes, in: arena, byteCountMax: byteCountMax)
      let payload = unsafe message.pointee.payload
      unsafe message.pointee.payload = ProtobufCBinaryData(len: 0, data: nil)
      let frame = try unsafe Frame(copying: message, in: arena)
      let kind = FrameKind(rawValue: Int32(truncatingIfNeeded: frame.kind))
      switch kind {
      case .unspecified, .unrecognized: throw .unknownFrameKind(frame.kind)
      default: break
      }
      let start = unsafe bytes.count - payload.len
      if let data = unsafe payload.data, let base = bytes.baseAddress {
        guard start >= 0, unsafe memcmp(base + start, data, payload.len) == 0 else {
          throw .payloadNotLast
        }
      }
      return ReceivedFrame(frame: frame, kind: kind, payload: start..<bytes.count)
    }
  }

  private static func withStructure<Result>(
    of frame: Frame, payload: UnsafeRawPointer?, byteCount: Int,
    _ body: (UnsafePointer<ProtobufCMessage>) -> Result
  ) -> Result {
    Arena.with(byteCountMax: .max) { arena in
      let message = unsafe arena.message(frame)
      unsafe message.pointee.has_payload = byteCount == 0 ? 0 : 1
      unsafe message.pointee.payload = ProtobufCBinaryData(
        len: byteCount,
        data: UnsafeMutableRawPointer(mutating: payload)?.assumingMemoryBound(to: UInt8.self))
      return unsafe body(
        UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self))
    }
  }
}
