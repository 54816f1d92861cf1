/// A request by HTTP/1.1.
public struct HTTPRequest: Sendable {
  /// What is asked for.
  public enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
  }

  /// What is asked for.
  public var method: Method
  /// Path and query; `nil` for those of the client's address.
  public var target: String?
  /// Headers in their order. `Host` and `Content-Length` are the client's.
  public var headers: [(name: String, value: String)]
  /// The body.
  public var body: [UInt8]
  /// The longest body of an answer that is taken, in bytes.
  public var answerByteCountMax: Int

  /// A request of these parts.
  public init(
    _ method: Method, target: String? = nil, headers: [(name: String, value: String)] = [],
    body: [UInt8] = [], answerByteCountMax: Int = 65_536
  ) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
    self.answerByteCountMax = answerByteCountMax
  }
}

/// What was answered, whatever its status.
public struct HTTPAnswer: Sendable {
  /// The status: 200, 404.
  public let status: Int
  /// The headers, with names in lower case; of equal names the last.
  public let headers: [String: String]
  /// The body.
  public let body: [UInt8]
}
