/// Why bytes were refused.
public enum WireError: Error, Hashable, Sendable {
  /// The bytes are not a message of this type.
  case malformed(message: String)
  /// Unpacking needs more memory than the limit allows.
  case tooLarge(message: String, limit: Int)
  /// A text holds a NUL or is not UTF-8.
  case invalidText(field: String)
  /// A text or byte list is longer than its field allows.
  case tooManyBytes(field: String, count: Int, limit: Int)
  /// A list has more elements than its field allows.
  case tooManyElements(field: String, count: Int, limit: Int)
  /// A frame's length is 0.
  case emptyFrame
  /// A frame's length passes the limit.
  case frameTooLong(byteCount: Int, limit: Int)
  /// A frame of a kind that this build does not know.
  case unknownFrameKind(UInt32)
  /// A frame's payload is not its last field.
  case payloadNotLast
}

extension WireError: CustomStringConvertible {
  /// A sentence for people that holds nothing of the bytes themselves.
  public var description: String {
    switch self {
    case .malformed(let message): "the bytes are not a \(message)"
    case .tooLarge(let message, let limit): "a \(message) needs more than \(limit) bytes to read"
    case .invalidText(let field): "\(field) is not UTF-8 or holds a NUL"
    case .tooManyBytes(let field, let count, let limit):
      "\(field) has \(count) bytes, the limit is \(limit)"
    case .tooManyElements(let field, let count, let limit):
      "\(field) has \(count) elements, the limit is \(limit)"
    case .emptyFrame: "a frame of length 0"
    case .frameTooLong(let byteCount, let limit):
      "a frame of \(byteCount) bytes, the limit is \(limit)"
    case .unknownFrameKind(let kind): "a frame of unknown kind \(kind)"
    case .payloadNotLast: "a frame's payload is not its last field"
    }
  }
}
