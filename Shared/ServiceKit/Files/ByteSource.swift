package import Foundation

/// The bytes of a file in chunks; a name that ends in `.gz` is decompressed by gzip(1) on the way.
package final class ByteSource {
  private static let chunkByteCount = 1 << 20

  /// How much of the file was read, in 0...1; `nil` where nobody knows how long it is.
  package var fraction: Double? {
    byteCount == 0 ? nil : min(1, Double(readByteCount) / Double(byteCount))
  }

  private let path: String
  private let handle: FileHandle
  private let decompressor: Process?
  private let byteCount: Int
  private var readByteCount = 0

  /// Opens the file at `path`; `-` is standard input.
  package init(path: String) throws {
    self.path = path
    if path == "-" {
      handle = .standardInput
      decompressor = nil
      byteCount = 0
      return
    }
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw CommandFailure("cannot read \(path)")
    }
    guard path.hasSuffix(".gz") else {
      handle = file
      decompressor = nil
      byteCount = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
      return
    }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", "--decompress", "--stdout"]
    process.standardInput = file
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    handle = pipe.fileHandleForReading
    decompressor = process
    byteCount = 0
  }

  /// Opens the file at `url`.
  package convenience init(_ url: URL) throws { try self.init(path: url.path) }

  /// The next bytes, or `nil` at the end. Throws when the file is damaged.
  package func next() throws -> Data? {
    let chunk: Data
    do {
      chunk = try handle.read(upToCount: Self.chunkByteCount) ?? Data()
    } catch {
      throw CommandFailure("cannot read \(path)")
    }
    readByteCount += chunk.count
    if !chunk.isEmpty { return chunk }
    if let process = decompressor {
      process.waitUntilExit()
      guard process.terminationStatus == 0 else {
        throw CommandFailure("gzip cannot read \(path): it is damaged or cut off")
      }
    }
    return nil
  }

  deinit {
    if let process = decompressor, process.isRunning { process.terminate() }
    if path != "-" { try? handle.close() }
  }
}
