package import Foundation
internal import ServiceKit

/// How far an ingest of one file has come: written after each batch that is durable in the feature
/// store, so that an interrupted run goes on behind it.
///
/// What was sent but not yet written down is sent again; the event ids make that harmless.
package struct IngestCheckpoint: Codable, Hashable, Sendable {
  /// The last line that is dealt with.
  package var line = 0
  /// Rows read.
  package var rowCount = 0
  /// Events newly written.
  package var acceptedCount = 0
  /// Events that were there already.
  package var duplicateCount = 0
  /// Rows refused, by reason.
  package var refusals: [String: Int] = [:]
  /// The bytes of the rejects file that belong to it.
  package var rejectsByteCount: UInt64 = 0
  /// Whether the file has been read to its end.
  package var isComplete = false

  package init() {}

  /// Rows refused.
  package var refusedCount: Int { refusals.values.reduce(0, +) }

  /// The checkpoint in the file at `url`; a new one where there is none.
  package static func load(_ url: URL) throws -> IngestCheckpoint {
    guard let data = try? Data(contentsOf: url) else { return IngestCheckpoint() }
    do {
      return try JSONDecoder().decode(IngestCheckpoint.self, from: data)
    } catch {
      throw CommandFailure("\(url.path) is no checkpoint; remove it to begin again")
    }
  }

  /// Replaces the file at `url`.
  package func save(_ url: URL) throws {
    try JSONEncoder().encode(self).write(to: url, options: .atomic)
  }
}

/// The rows that were refused: `line,reason`, never a value of the row. What an interrupted run
/// wrote behind its last checkpoint is cut off first.
package final class RejectsFile {
  private let handle: FileHandle
  package private(set) var byteCount: UInt64

  /// Opens the file at `url` and keeps its first `byteCount` bytes.
  package init(_ url: URL, keeping byteCount: UInt64) throws {
    if !FileManager.default.fileExists(atPath: url.path) {
      guard FileManager.default.createFile(atPath: url.path, contents: nil) else {
        throw CommandFailure("cannot write \(url.path)")
      }
    }
    handle = try FileHandle(forUpdating: url)
    // A file that is shorter was removed in between: no zeros in place of its lines.
    try handle.truncate(atOffset: min(byteCount, try handle.seekToEnd()))
    self.byteCount = try handle.seekToEnd()
    if self.byteCount == 0 { try append("line,reason\n") }
  }

  /// Adds rows and waits until they are on the disk.
  package func add(_ rejects: [(line: Int, reason: String)]) throws {
    guard !rejects.isEmpty else { return }
    try append(rejects.map { "\($0.line),\(Self.quoted($0.reason))\n" }.joined())
    try handle.synchronize()
  }

  private func append(_ text: String) throws {
    try handle.write(contentsOf: Data(text.utf8))
    byteCount += UInt64(text.utf8.count)
  }

  private static func quoted(_ text: String) -> String {
    text.contains { ",\"\n".contains($0) }
      ? "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : text
  }

  deinit { try? handle.close() }
}
