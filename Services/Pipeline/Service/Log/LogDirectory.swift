package import Foundation
internal import ServiceKit
package import TransparencyLog

/// A log as static files below one directory (C2SP tlog-tiles): any HTTP server can serve it.
package struct LogDirectory: Sendable {
  /// The most bytes of a file that is read: a full bundle of the longest entries.
  private static let fileByteCountMax = 256 * (2 + TileCoding.entryByteCountMax)

  private let url: URL

  /// The log below `url`.
  package init(_ url: URL) { self.url = url }

  /// A file's bytes; `nil` where there is none.
  ///
  /// - Throws: `CommandFailure` for one that cannot be read or is larger than any may be.
  package func read(_ path: String) throws -> [UInt8]? {
    let file = url.appending(path: path)
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isDirectory),
      !isDirectory.boolValue
    else { return nil }
    return try Self.bytes(of: file, limit: Self.fileByteCountMax)
  }

  /// Whether there is such a file.
  package func has(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: url.appending(path: path).path)
  }

  /// Writes a file so that it is there whole or not at all.
  package func write(_ bytes: [UInt8], to path: String) throws {
    let file = url.appending(path: path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file, options: .atomic)
  }

  /// Removes a file, if it is there.
  package func remove(_ path: String) {
    try? FileManager.default.removeItem(at: url.appending(path: path))
  }

  /// The signed checkpoint.
  package func checkpoint() throws -> SignedNote {
    guard let bytes = try read("checkpoint") else {
      throw CommandFailure("there is no log in \(url.path): it has no file named checkpoint")
    }
    return try SignedNote(encoded: bytes)
  }

  /// A file of at most `limit` bytes.
  package static func bytes(of file: URL, limit: Int) throws -> [UInt8] {
    let handle: FileHandle
    do {
      handle = try FileHandle(forReadingFrom: file)
    } catch {
      throw CommandFailure("\(file.path) cannot be read")
    }
    defer { try? handle.close() }
    let data = try handle.read(upToCount: limit + 1) ?? Data()
    guard data.count <= limit else {
      throw CommandFailure("\(file.path) is larger than \(limit) bytes")
    }
    return [UInt8](data)
  }
}
