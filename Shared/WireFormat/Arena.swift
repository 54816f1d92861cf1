internal import CProtobufC

#if canImport(Glibc)
  internal import Glibc
#endif

/// Memory for one message while it is packed or unpacked: handed out by moving a pointer, freed
/// all at once. The first kibibyte stands on the stack. It lives only inside `Arena.with`.
///
/// Every block is preceded by its size, because protobuf-c hands a text over without its length:
/// only the size shows that a NUL hides within.
@safe package struct Arena {
  @unsafe struct State {
    /// The free part of the current chunk.
    var next: UnsafeMutableRawPointer
    var end: UnsafeMutableRawPointer
    /// What may still be handed out, in bytes with the blocks' headers.
    var byteCountLeft: Int
    /// Whether a block was refused.
    var isExhausted = false
    /// The last chunk taken from the heap; its first word points to the one before.
    var lastChunk: UnsafeMutableRawPointer?
    var lastChunkByteCount = 2048
  }

  private static let headerByteCount = 8
  private let state: UnsafeMutablePointer<State>

  private init(_ state: UnsafeMutablePointer<State>) { unsafe self.state = state }

  /// Runs `body` with an arena that hands out at most `byteCountMax` bytes.
  package static func with<Result, Failure: Error>(
    byteCountMax: Int, _ body: (Arena) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var result: Swift.Result<Result, Failure>?
    run(byteCountMax: byteCountMax) { arena in
      result = Swift.Result { () throws(Failure) in try body(arena) }
    }
    guard let result else { preconditionFailure("the body was not run") }
    return try result.get()
  }

  /// The same without anything generic, which is what every message that is read or written goes
  /// through: generic code of one module that runs for the types of another asks for their metadata
  /// at run time, and that took longer than the work itself.
  static func run(byteCountMax: Int, _ body: (Arena) -> Void) {
    unsafe withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { buffer in
      guard let start = buffer.baseAddress else { preconditionFailure("no stack memory") }
      var state = unsafe State(
        next: start, end: start + buffer.count, byteCountLeft: byteCountMax)
      unsafe withUnsafeMutablePointer(to: &state) { state in unsafe body(Arena(state)) }
      unsafe freeChunks(state.lastChunk)
    }
  }

  private static func freeChunks(_ last: UnsafeMutableRawPointer?) {
    var chunk = unsafe last
    while let current = unsafe chunk {
      unsafe chunk = current.load(as: UnsafeMutableRawPointer?.self)
      unsafe free(current)
    }
  }

  /// Whether a block was refused because of the limit or for want of memory.
  var isExhausted: Bool { unsafe state.pointee.isExhausted }

  /// A block of memory aligned to 8 bytes; nil past the limit.
  fileprivate static func block(
    _ state: UnsafeMutablePointer<State>, byteCount: Int
  ) -> UnsafeMutableRawPointer? {
    let left = unsafe state.pointee.byteCountLeft
    guard byteCount >= 0, byteCount <= left - headerByteCount - 7 else {
      unsafe state.pointee.isExhausted = true
      return nil
    }
    let whole = headerByteCount + (byteCount + 7) & ~7
    if unsafe state.pointee.end - state.pointee.next < whole {
      guard unsafe addChunk(state, holding: whole) else {
        unsafe state.pointee.isExhausted = true
        return nil
      }
    }
    let start = unsafe state.pointee.next
    unsafe state.pointee.next = start + whole
    unsafe state.pointee.byteCountLeft = left - whole
    unsafe start.storeBytes(of: byteCount, as: Int.self)
    return unsafe start + headerByteCount
  }

  private static func addChunk(
    _ state: UnsafeMutablePointer<State>, holding byteCount: Int
  ) -> Bool {
    let grown = unsafe min(state.pointee.lastChunkByteCount * 2, 1 << 20)
    let chunkByteCount = max(grown, byteCount + headerByteCount)
    guard let chunk = unsafe malloc(chunkByteCount) else { return false }
    unsafe chunk.storeBytes(of: state.pointee.lastChunk, as: UnsafeMutableRawPointer?.self)
    unsafe state.pointee.lastChunk = chunk
    unsafe state.pointee.lastChunkByteCount = grown
    unsafe state.pointee.next = chunk + headerByteCount
    unsafe state.pointee.end = chunk + chunkByteCount
    return true
  }

  /// The size that a block was asked for with.
  func byteCount(ofBlock block: UnsafeRawPointer) -> Int {
    unsafe (block - Arena.headerByteCount).load(as: Int.self)
  }

  /// The arena as protobuf-c's allocator; freeing does nothing until the arena ends.
  var allocator: ProtobufCAllocator {
    unsafe ProtobufCAllocator(
      alloc: { state, byteCount in
        guard let state = unsafe state else { return nil }
        return unsafe Arena.block(state.assumingMemoryBound(to: State.self), byteCount: byteCount)
      },
      free: { _, _ in }, allocator_data: state)
  }

  /// Room for `count` values. Only for arenas without a limit: as everywhere in Swift, running
  /// out of memory ends the process.
  func allocate<Value>(_ type: Value.Type, count: Int) -> UnsafeMutablePointer<Value> {
    let block = unsafe allocate(byteCount: MemoryLayout<Value>.stride * count)
    return unsafe block.bindMemory(to: type, capacity: count)
  }

  /// Room for `byteCount` bytes, under the same condition.
  func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    guard let block = unsafe Arena.block(state, byteCount: byteCount) else {
      preconditionFailure("out of memory")
    }
    return unsafe block
  }
}
