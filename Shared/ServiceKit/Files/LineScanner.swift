internal import Foundation

/// Cuts the bytes of a source into lines. Of a line that is too long no more is kept than its
/// limit, so that memory stays bounded whatever the file is.
struct LineScanner {
  /// One line, without its end.
  enum Line {
    case bytes(ArraySlice<UInt8>)
    /// More than `lineByteCountMax` bytes.
    case tooLong
  }

  /// The longest line, in bytes.
  static let lineByteCountMax = 1 << 20

  let source: ByteSource
  /// The number of the line that was read last, from 1.
  private(set) var number = 0
  private var buffer: [UInt8] = []
  private var start = 0
  private var isAtEnd = false

  init(_ source: ByteSource) { self.source = source }

  /// The next line that is not empty; `nil` at the end.
  mutating func next() throws -> Line? {
    while let line = try nextLine() {
      number += 1
      guard case .bytes(let bytes) = line else { return line }
      guard !bytes.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) else {
        continue
      }
      return .bytes(bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes)
    }
    return nil
  }

  private mutating func nextLine() throws -> Line? {
    var searched = start
    var isTooLong = false
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        return line(buffer[start..<end], isTooLong: isTooLong)
      }
      if isAtEnd {
        guard start < buffer.count || isTooLong else { return nil }
        defer { start = buffer.count }
        return line(buffer[start...], isTooLong: isTooLong)
      }
      // One more may be the end of a line that ends with CR LF.
      if buffer.count - start > Self.lineByteCountMax + 1 {
        isTooLong = true
        start = buffer.count
      }
      buffer.removeSubrange(..<start)
      start = 0
      searched = buffer.count
      if let chunk = try source.next() { buffer.append(contentsOf: chunk) } else { isAtEnd = true }
    }
  }

  private func line(_ bytes: ArraySlice<UInt8>, isTooLong: Bool) -> Line {
    let byteCount = bytes.last == UInt8(ascii: "\r") ? bytes.count - 1 : bytes.count
    return isTooLong || byteCount > Self.lineByteCountMax ? .tooLong : .bytes(bytes)
  }
}
