internal import Foundation

/// The lines of a file, some at a time; empty ones are passed over.
public struct LineReader {
  /// One line of a file.
  public struct Line: Hashable, Sendable {
    /// Its number, from 1.
    public let number: Int
    /// Its text, without the end of the line. What is not UTF-8 has replacement characters.
    public let text: String
  }

  /// How much is read at a time.
  private static let readByteCountMax = 256 << 10
  /// What has no line ends at all is no file of lines.
  private static let lineByteCountMax = 1 << 20

  private let path: String
  private let handle: FileHandle
  private let byteCount: Int
  private var readByteCount = 0
  private var buffer: [UInt8] = []
  private var start = 0
  private var lineNumber = 0
  private var isAtEnd = false

  /// Opens a file; `-` is standard input.
  public init(path: String) throws {
    self.path = path
    if path == "-" {
      handle = .standardInput
      byteCount = 0
      return
    }
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw CommandFailure("cannot read \(path)")
    }
    self.handle = handle
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    byteCount = (attributes?[.size] as? Int) ?? 0
  }

  /// How much of the file was read, in 0...1; `nil` where nobody knows how long it is.
  public var fraction: Double? {
    byteCount == 0 ? nil : min(1, Double(readByteCount) / Double(byteCount))
  }

  /// Up to `countMax` lines; no further one behind the one that brings them to `byteCountMax`
  /// bytes together. `nil` at the end.
  public mutating func next(countMax: Int, byteCountMax: Int) throws -> [Line]? {
    var lines: [Line] = []
    var taken = 0
    while lines.count < countMax, taken < byteCountMax, let line = try nextLine() {
      lineNumber += 1
      guard !line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) else {
        continue
      }
      taken += line.count
      let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      lines.append(Line(number: lineNumber, text: String(decoding: text, as: UTF8.self)))
    }
    return lines.isEmpty ? nil : lines
  }

  private mutating func nextLine() throws -> ArraySlice<UInt8>? {
    var searched = start
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        return buffer[start..<end]
      }
      if isAtEnd {
        guard start < buffer.count else { return nil }
        defer { start = buffer.count }
        return buffer[start...]
      }
      guard buffer.count - start <= Self.lineByteCountMax else {
        throw CommandFailure(
          "line \(lineNumber + 1) is longer than \(Self.lineByteCountMax) bytes; is \(path) a file "
            + "of lines?")
      }
      buffer.removeSubrange(..<start)
      start = 0
      searched = buffer.count
      try readMore()
    }
  }

  private mutating func readMore() throws {
    do {
      let more = try handle.read(upToCount: Self.readByteCountMax) ?? Data()
      isAtEnd = more.isEmpty
      readByteCount += more.count
      buffer += more
    } catch {
      throw CommandFailure("cannot read \(path)")
    }
  }
}
