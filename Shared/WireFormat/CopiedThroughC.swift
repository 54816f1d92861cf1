internal import CProtobufC

/// A message that is copied field by field to and from protobuf-c's structure; the copying is
/// generated.
package protocol CopiedThroughC: WireMessage {
  /// protobuf-c's structure of the message.
  associatedtype CMessage

  /// Makes the structure an empty message.
  static func prepare(_ message: UnsafeMutablePointer<CMessage>)

  /// Copies the fields into a prepared structure; what they need stands in the arena.
  func copy(to message: UnsafeMutablePointer<CMessage>, in arena: Arena)

  /// Copies the fields out of a structure that was unpacked into the arena, and checks them.
  init(copying message: UnsafeMutablePointer<CMessage>, in arena: Arena) throws(WireError)
}

extension CopiedThroughC {
  /// What generated code does for `init(packed:limit:)`.
  package static func unpacked(
    from bytes: UnsafeRawBufferPointer, limit: UnpackLimit
  ) throws(WireError) -> Self {
    let byteCountMax = limit.byteCount(packed: bytes.count)
    return try Arena.with(byteCountMax: byteCountMax) { arena throws(WireError) in
      try unsafe Self(
        copying: structure(unpacking: bytes, in: arena, byteCountMax: byteCountMax), in: arena)
    }
  }

  /// protobuf-c's structure of the packed message, within the arena.
  static func structure(
    unpacking bytes: UnsafeRawBufferPointer, in arena: Arena, byteCountMax: Int
  ) throws(WireError) -> UnsafeMutablePointer<CMessage> {
    let message = unsafe withUnsafeTemporaryAllocation(of: CMessage.self, capacity: 1) { empty in
      unsafe empty.baseAddress.flatMap { empty -> UnsafeMutablePointer<ProtobufCMessage>? in
        unsafe prepare(empty)
        let descriptor = unsafe generic(empty).pointee.descriptor
        return unsafe withUnsafePointer(to: arena.allocator) { allocator in
          unsafe protobuf_c_message_unpack(
            descriptor, UnsafeMutablePointer(mutating: allocator), bytes.count,
            bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
      }
    }
    guard let message = unsafe message else {
      throw arena.isExhausted
        ? .tooLarge(message: messageName, limit: byteCountMax)
        : .malformed(message: messageName)
    }
    return unsafe UnsafeMutableRawPointer(message).assumingMemoryBound(to: CMessage.self)
  }

  /// What generated code does for `packed()`.
  package func packedBytes() -> [UInt8] {
    Arena.with(byteCountMax: .max) { arena in
      let message = unsafe Self.generic(arena.message(self))
      let byteCount = unsafe protobuf_c_message_get_packed_size(message)
      return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
        if let start = buffer.baseAddress {
          count = unsafe protobuf_c_message_pack(message, start)
        }
      }
    }
  }

  /// What generated code does for `withPacked`.
  package func withPackedBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try Arena.with(byteCountMax: .max) { arena throws(Failure) in
      let message = unsafe Self.generic(arena.message(self))
      let byteCount = unsafe protobuf_c_message_get_packed_size(message)
      let start = unsafe arena.allocate(UInt8.self, count: byteCount)
      let written = unsafe protobuf_c_message_pack(message, start)
      return try unsafe body(UnsafeRawBufferPointer(start: start, count: written))
    }
  }

  /// The structure as protobuf-c's base type, which stands at its start.
  private static func generic(
    _ message: UnsafeMutablePointer<CMessage>
  ) -> UnsafeMutablePointer<ProtobufCMessage> {
    unsafe UnsafeMutableRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self)
  }
}
