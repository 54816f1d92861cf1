package import Foundation
internal import ServiceKit

/// One row of an export: its line number and its cells, in the order of the columns.
package struct SourceRecord: Sendable {
  /// The number of the row's first line in the file, from 1.
  package let line: Int
  /// The cells, or why the row cannot be read.
  package let cells: Result<[String], RowRefusal>

  package init(line: Int, cells: Result<[String], RowRefusal>) {
    self.line = line
    self.cells = cells
  }
}

/// Why one row is not taken. Never holds a value of the row.
package struct RowRefusal: Error, Hashable, Sendable {
  /// The reason, as it stands in the rejects file.
  package let reason: String

  package init(_ reason: String) { self.reason = reason }
}

/// The rows of one file, one after the other.
package protocol RecordReader {
  /// The names of the columns.
  var columns: [String] { get }

  /// The next row, or `nil` at the end of the file.
  mutating func next() throws -> SourceRecord?
}

/// The bytes of a file in chunks; a name that ends in `.gz` is decompressed by gzip(1) on the way.
package final class ByteSource {
  private static let chunkByteCount = 1 << 20

  /// The bytes of the file as it lies on the disk, for progress.
  package let byteCount: Int

  private let handle: FileHandle
  private let decompressor: Process?

  /// Opens the file at `url`.
  package init(_ url: URL) throws {
    guard let size = try? FileManager.default.attributesOfItem(atPath: url.path)[.size] as? Int
    else {
      throw CommandFailure("cannot read \(url.path): no such file")
    }
    byteCount = size
    guard url.pathExtension == "gz" else {
      handle = try FileHandle(forReadingFrom: url)
      decompressor = nil
      return
    }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", "--decompress", "--stdout", url.path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    handle = pipe.fileHandleForReading
    decompressor = process
  }

  /// The next bytes, or `nil` at the end. Throws when the file is damaged.
  package func next() throws -> Data? {
    let chunk = try handle.read(upToCount: Self.chunkByteCount) ?? Data()
    if !chunk.isEmpty { return chunk }
    if let process = decompressor {
      process.waitUntilExit()
      guard process.terminationStatus == 0 else {
        throw CommandFailure("gzip cannot read the file: it is damaged or cut off")
      }
    }
    return nil
  }

  deinit {
    if let process = decompressor, process.isRunning { process.terminate() }
    try? handle.close()
  }
}
