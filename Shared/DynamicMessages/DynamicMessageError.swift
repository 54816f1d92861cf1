/// Why a JSON text or bytes are not the message they should be. It names the place, never what
/// stands there.
package enum DynamicMessageError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The text is no JSON.
  case json(line: Int, column: Int, problem: String)
  /// A field, or the message itself where the path is empty.
  case field(path: String, problem: String)
  /// More bytes than are read.
  case tooLong(byteCount: Int, limit: Int)

  package var description: String {
    switch self {
    case .json(let line, let column, let problem):
      "not JSON: \(problem), at line \(line), column \(column)"
    case .field(let path, let problem):
      path.isEmpty ? "the message \(problem)" : "\(path) \(problem)"
    case .tooLong(let byteCount, let limit): "\(byteCount) bytes, the limit is \(limit)"
    }
  }
}

/// How much is read and written.
package struct DynamicLimits: Hashable, Sendable {
  /// The most messages that stand in each other.
  package var nestingDepthMax = 64
  /// The longest packed message, in bytes: as long as a frame may be.
  package var messageByteCountMax = 4 << 20
  /// The longest JSON text, in bytes.
  package var jsonByteCountMax = 16 << 20
  /// The most values in one message, its own and those of the messages in it. A packed value can
  /// be one byte long and takes about a hundred in memory.
  package var valueCountMax = 1 << 20

  package init() {}
}
