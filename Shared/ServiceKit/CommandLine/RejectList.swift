internal import Foundation
internal import Synchronization

/// Lists refused lines with their reasons: in a file of their own, which is only made where there
/// are any, or on standard error.
public final class RejectList: Sendable {
  private struct State {
    var count = 0
    var handle: FileHandle?
  }

  private let path: String?
  private let state = Mutex(State())

  /// A list in the file `path`; without one, on standard error.
  public init(path: String?) { self.path = path }

  /// How many lines were refused.
  public var count: Int { state.withLock { $0.count } }

  /// Adds lines. A reason never holds what stands in the line.
  public func add(_ rejects: [(line: Int, reason: String)]) throws {
    guard !rejects.isEmpty else { return }
    try state.withLock { state in
      state.count += rejects.count
      guard let path else {
        for reject in rejects { standardError("line \(reject.line): \(reject.reason)") }
        return
      }
      let handle = try state.handle ?? Self.create(path)
      state.handle = handle
      let text = rejects.map { "\($0.line)\t\($0.reason)\n" }.joined()
      try handle.write(contentsOf: Data(text.utf8))
    }
  }

  private static func create(_ path: String) throws -> FileHandle {
    guard FileManager.default.createFile(atPath: path, contents: Data("line\treason\n".utf8)),
      let handle = FileHandle(forWritingAtPath: path)
    else { throw CommandFailure("the list of refused lines cannot be written to \(path)") }
    try handle.seekToEnd()
    return handle
  }
}
