internal import Dispatch
internal import DynamicMessages
internal import Foundation
internal import ServiceKit
internal import Synchronization

/// The lines of standard input or of a file as they come: a line that is there is not held back
/// until more has come, and waiting for it holds up nothing else.
final class LineFeed: Sendable {
  struct Line: Sendable {
    /// Its number, from 1.
    let number: Int
    let text: [UInt8]
  }

  private struct State {
    var buffer: [UInt8] = []
    /// Where the next line begins, and up to where there is no end of it.
    var (start, searched) = (0, 0)
    var isAtEnd = false
    var number = 0
  }

  private static let chunkByteCount = 1 << 16
  private static let lineByteCountMax = DynamicLimits().jsonByteCountMax

  private let handle: FileHandle?
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "tacit.call.lines")

  /// The file at `path`; `-` is standard input, `nil` has no lines.
  init(path: String?) throws {
    switch path {
    case nil: handle = nil
    case "-"?: handle = .standardInput
    case let path?:
      guard let file = FileHandle(forReadingAtPath: path) else {
        throw CommandFailure("cannot read \(path)")
      }
      handle = file
    }
  }

  /// The next line that is not empty, or `nil` at the end.
  func next() async throws -> Line? {
    try await withCheckedThrowingContinuation { continuation in
      queue.async {
        continuation.resume(with: Result { try self.state.withLock { try self.line(&$0) } })
      }
    }
  }

  /// All bytes, one more than a JSON text may have at most.
  func everything() throws -> [UInt8] {
    try state.withLock { state in
      while !state.isAtEnd, state.buffer.count <= Self.lineByteCountMax { try fill(&state) }
      return state.buffer
    }
  }

  private func line(_ state: inout State) throws -> Line? {
    while true {
      if let end = state.buffer[state.searched...].firstIndex(of: UInt8(ascii: "\n")) {
        if let line = take(upTo: end, &state) { return line }
      } else if state.isAtEnd {
        return state.start < state.buffer.count ? take(upTo: state.buffer.count, &state) : nil
      } else {
        guard state.buffer.count - state.start <= Self.lineByteCountMax else {
          throw CommandFailure(
            "line \(state.number + 1) is longer than \(Self.lineByteCountMax) bytes")
        }
        state.buffer.removeFirst(state.start)
        (state.start, state.searched) = (0, state.buffer.count)
        try fill(&state)
      }
    }
  }

  private func take(upTo end: Int, _ state: inout State) -> Line? {
    let text = state.buffer[state.start..<end]
    state.start = min(end + 1, state.buffer.count)
    state.searched = state.start
    state.number += 1
    let isBlank = text.allSatisfy { [0x20, 0x09, 0x0D].contains($0) }
    return isBlank ? nil : Line(number: state.number, text: Array(text))
  }

  private func fill(_ state: inout State) throws {
    guard let handle else { return state.isAtEnd = true }
    let chunk = try [UInt8](unsafeUninitializedCapacity: Self.chunkByteCount) { bytes, count in
      let result = read(handle.fileDescriptor, bytes.baseAddress, bytes.count)
      guard result >= 0 else { throw CommandFailure("the requests cannot be read") }
      count = result
    }
    if chunk.isEmpty { state.isAtEnd = true }
    state.buffer += chunk
  }
}
