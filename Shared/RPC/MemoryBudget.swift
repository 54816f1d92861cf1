internal import Synchronization

/// How many bytes a server holds on behalf of its clients: connections, requests that arrive or are
/// being worked on, replies that nobody reads yet. One limit for all connections together.
///
/// What is there already is never taken away: past the limit new calls and connections are refused,
/// messages that grow or wait are given up with their calls. So the limit is exceeded only by what
/// is being taken in at that moment: a piece of 64 KiB for each connection, and what the handlers of
/// requests that came whole just before unpack.
final class MemoryBudget: Sendable {
  private let held = Atomic<Int>(0)
  private let byteCountMax: Int

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// What one connection may hold: an eighth, so that one client leaves room for the others.
  var connectionByteCountMax: Int { byteCountMax / 8 }

  /// Whether as much as is allowed is held.
  var isFull: Bool { held.load(ordering: .relaxed) >= byteCountMax }

  /// So many bytes more are held.
  func add(_ byteCount: Int) { held.wrappingAdd(byteCount, ordering: .relaxed) }

  /// So many bytes fewer.
  func give(_ byteCount: Int) { held.wrappingSubtract(byteCount, ordering: .relaxed) }

  /// What a caller is told.
  static let full = RPCError(
    .resourceExhausted, "the server holds as much as it may for its clients; try again")

  /// What a connection takes by itself: TLS, and what lies in its buffers.
  static let connectionByteCount = 512 << 10

  /// What a handler with a request of so many bytes takes: its task, its metadata, and the request
  /// unpacked, which may take 16 times its packed size and 32 MiB at most (`UnpackLimit`).
  static func handlerByteCount(request byteCount: Int) -> Int {
    (16 << 10) + byteCount + min(byteCount * 16, 32 << 20)
  }
}
