internal import Foundation
internal import ServiceKit

/// The lines of a file, a chunk at a time; empty ones are passed over.
struct JSONLines {
  private let handle: FileHandle
  private let byteCount: UInt64
  private var readByteCount: UInt64 = 0
  private var buffer: [UInt8] = []
  private var lineNumber = 0
  private var isAtEnd = false

  /// No line of an event is longer.
  private static let lineByteCountMax = 1 << 20

  init(path: String) throws {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw CommandFailure("cannot read \(path)")
    }
    self.handle = handle
    byteCount = try handle.seekToEnd()
    try handle.seek(toOffset: 0)
  }

  /// How much of the file was read, in 0...1.
  var fraction: Double { byteCount == 0 ? 1 : Double(readByteCount) / Double(byteCount) }

  /// Up to `count` lines with their numbers, of about `byteCountMax` bytes together; `nil` at the
  /// end.
  mutating func next(count: Int, byteCountMax: Int) throws -> [(Int, String)]? {
    var lines: [(Int, String)] = []
    var taken = 0
    while lines.count < count, taken < byteCountMax, let line = try nextLine() {
      lineNumber += 1
      guard !line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) else {
        continue
      }
      taken += line.count
      lines.append((lineNumber, String(decoding: line, as: UTF8.self)))
    }
    return lines.isEmpty ? nil : lines
  }

  private var start = 0

  private mutating func nextLine() throws -> ArraySlice<UInt8>? {
    while true {
      if let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        return buffer[start..<end]
      }
      if isAtEnd {
        guard start < buffer.count else { return nil }
        defer { start = buffer.count }
        return buffer[start...]
      }
      guard buffer.count - start <= Self.lineByteCountMax else {
        throw CommandFailure("line \(lineNumber + 1) has more than \(Self.lineByteCountMax) bytes")
      }
      buffer.removeSubrange(..<start)
      start = 0
      let more = try handle.read(upToCount: 1 << 18) ?? Data()
      isAtEnd = more.isEmpty
      readByteCount += UInt64(more.count)
      buffer += more
    }
  }
}
