internal import Foundation
internal import ServiceKit
internal import Synchronization

/// The file of what an import refused: a table with the line, the reason, and the text as it stands
/// in the imported file, so that `cut -f3-` gives a file to be mended and imported again. It is made
/// with the first refusal, readable by its owner alone: it holds what the imported file holds.
package final class ImportRejects: Sendable {
  private struct State {
    var count = 0
    var header: [UInt8] = Array("text".utf8)
    var handle: FileHandle?
  }

  /// Something refused.
  package struct Reject: Sendable {
    /// The line it begins on, from 1.
    package let line: Int
    /// Why; without a word of the text.
    package let reason: String
    /// The text, without its line end.
    package let text: ArraySlice<UInt8>

    package init(line: Int, reason: String, text: ArraySlice<UInt8>) {
      self.line = line
      self.reason = reason
      self.text = text
    }
  }

  private let path: String
  private let state = Mutex(State())

  /// A list to be kept in the file `path`, which is replaced.
  package init(path: String) { self.path = path }

  /// How many there are.
  package var count: Int { state.withLock { $0.count } }

  /// Sets what stands above the texts: the column names of a CSV file, so that the texts below them
  /// are a file again.
  package func setHeader(_ header: ArraySlice<UInt8>) {
    state.withLock { $0.header = Array(header) }
  }

  /// Adds some, and has them in the file when it returns.
  ///
  /// - Throws: `CommandFailure` where the file cannot be written.
  package func add(_ rejects: [Reject]) throws {
    guard !rejects.isEmpty else { return }
    try state.withLock { state in
      let handle = try state.handle ?? create(header: state.header)
      state.handle = handle
      var bytes: [UInt8] = []
      for reject in rejects {
        // What takes several lines says so: the table then goes on behind them.
        let more = reject.text.count { $0 == UInt8(ascii: "\n") }
        let place = more == 0 ? "\(reject.line)" : "\(reject.line)-\(reject.line + more)"
        bytes += Array("\(place)\t\(reject.reason)\t".utf8)
        bytes += reject.text
        bytes.append(UInt8(ascii: "\n"))
      }
      do { try handle.write(contentsOf: Data(bytes)) } catch { throw failure }
      state.count += rejects.count
    }
  }

  private func create(header: [UInt8]) throws -> FileHandle {
    let files = FileManager.default
    guard
      files.createFile(
        atPath: path, contents: Data("line\treason\t".utf8) + Data(header) + Data("\n".utf8),
        attributes: [.posixPermissions: 0o600]),
      let handle = FileHandle(forWritingAtPath: path)
    else { throw failure }
    // A file that was there keeps its mode.
    try? files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    try handle.seekToEnd()
    return handle
  }

  private var failure: CommandFailure {
    CommandFailure("the list of what was refused cannot be written to \(path)")
  }
}
