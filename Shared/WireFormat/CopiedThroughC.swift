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

// None of this needs the metadata of another generic type (see `Arena.run`): no optional, result
// or array of `Self`, and no generic function with a closure over it.
extension CopiedThroughC {
  /// What generated code does for `init(packed:limit:)`.
  package static func unpacked(
    from bytes: UnsafeRawBufferPointer, limit: UnpackLimit
  ) throws(WireError) -> Self {
    let byteCountMax = limit.byteCount(packed: bytes.count)
    var message = Self()
    var failure: WireError?
    Arena.run(byteCountMax: byteCountMax) { arena in
      do throws(WireError) {
        message = try unsafe Self(
          copying: structure(unpacking: bytes, in: arena, byteCountMax: byteCountMax), in: arena)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return message
  }

  /// protobuf-c's structure of the packed message, within the arena.
  static func structure(
    unpacking bytes: UnsafeRawBufferPointer, in arena: Arena, byteCountMax: Int
  ) throws(WireError) -> UnsafeMutablePointer<CMessage> {
    let message = unsafe arena.structure(
      unpacking: bytes, structureByteCount: MemoryLayout<CMessage>.size
    ) { empty in
      unsafe prepare(empty.assumingMemoryBound(to: CMessage.self))
    }
    guard let message = unsafe message else {
      throw arena.isExhausted
        ? .tooLarge(message: messageName, limit: byteCountMax)
        : .malformed(message: messageName)
    }
    return unsafe message.assumingMemoryBound(to: CMessage.self)
  }

  /// What generated code does for `packed()`.
  package func packedBytes() -> [UInt8] {
    var bytes: [UInt8] = []
    unsafe packBytes { bytes = unsafe [UInt8]($0) }
    return bytes
  }

  /// What generated code does for `withPacked`.
  package func withPackedBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var result: Swift.Result<Result, Failure>?
    unsafe packBytes { bytes in
      result = Swift.Result { () throws(Failure) in try unsafe body(bytes) }
    }
    guard let result else { preconditionFailure("the body was not run") }
    return try result.get()
  }

  /// What generated code does for `pack`.
  package func packBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
    Arena.run(byteCountMax: .max) { arena in
      let structure = unsafe arena.allocate(byteCount: MemoryLayout<CMessage>.size)
      let message = unsafe structure.assumingMemoryBound(to: CMessage.self)
      unsafe Self.prepare(message)
      unsafe copy(to: message, in: arena)
      unsafe arena.pack(structure, body)
    }
  }
}

extension Arena {
  /// protobuf-c's structure of a packed message; nil when the bytes are no such message or need
  /// too much memory. `prepare` makes an empty message of the type.
  fileprivate func structure(
    unpacking bytes: UnsafeRawBufferPointer, structureByteCount: Int,
    prepare: (UnsafeMutableRawPointer) -> Void
  ) -> UnsafeMutableRawPointer? {
    unsafe withUnsafeTemporaryAllocation(byteCount: structureByteCount, alignment: 16) {
      empty -> UnsafeMutableRawPointer? in
      guard let empty = empty.baseAddress else { return nil }
      unsafe prepare(empty)
      // protobuf-c's base type stands at the start of every structure.
      let descriptor = unsafe empty.assumingMemoryBound(to: ProtobufCMessage.self)
        .pointee.descriptor
      var allocator = unsafe allocator
      return unsafe UnsafeMutableRawPointer(
        protobuf_c_message_unpack(
          descriptor, &allocator, bytes.count,
          bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)))
    }
  }

  /// Packs a structure and shows the bytes.
  fileprivate func pack(
    _ structure: UnsafeMutableRawPointer, _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    let message = unsafe structure.assumingMemoryBound(to: ProtobufCMessage.self)
    let byteCount = unsafe protobuf_c_message_get_packed_size(message)
    let start = unsafe allocate(byteCount: byteCount)
    let written = unsafe protobuf_c_message_pack(
      message, start.assumingMemoryBound(to: UInt8.self))
    unsafe body(UnsafeRawBufferPointer(start: start, count: written))
  }
}
