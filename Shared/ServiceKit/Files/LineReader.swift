/// The lines of a file, some at a time; empty ones are passed over. A name that ends in `.gz` is
/// decompressed on the way.
public struct LineReader {
  /// One line of a file.
  public struct Line: Hashable, Sendable {
    /// Its number, from 1.
    public let number: Int
    /// Its text, without the end of the line. What is not UTF-8 has replacement characters.
    public let text: String
  }

  private let path: String
  private var scanner: LineScanner

  /// Opens a file; `-` is standard input.
  public init(path: String) throws {
    self.path = path
    scanner = LineScanner(try ByteSource(path: path))
  }

  /// How much of the file was read, in 0...1; `nil` where nobody knows how long it is.
  public var fraction: Double? { scanner.source.fraction }

  /// Up to `countMax` lines; no further one behind the one that brings them to `byteCountMax`
  /// bytes together. `nil` at the end.
  ///
  /// - Throws: `CommandFailure` for a file that cannot be read, and for a line of more than 1 MiB:
  ///   what has no line ends at all is no file of lines.
  public mutating func next(countMax: Int, byteCountMax: Int) throws -> [Line]? {
    var lines: [Line] = []
    var taken = 0
    while lines.count < countMax, taken < byteCountMax, let line = try scanner.next() {
      guard case .bytes(let bytes) = line else {
        throw CommandFailure(
          "line \(scanner.number) is longer than \(LineScanner.lineByteCountMax) bytes; is \(path) "
            + "a file of lines?")
      }
      taken += bytes.count
      lines.append(Line(number: scanner.number, text: String(decoding: bytes, as: UTF8.self)))
    }
    return lines.isEmpty ? nil : lines
  }
}
