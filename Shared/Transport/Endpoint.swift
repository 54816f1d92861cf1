/// Where a service listens: a host and a port, written `127.0.0.1:7101`, `[::1]:7101` or
/// `consent.internal:7101`.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  /// A host name or an address, without brackets.
  public let host: String

  /// The TCP port; 0 asks the system for a free one (listening only).
  public let port: Int

  /// The endpoint of a host and a port in 0...65535.
  public init(host: String, port: Int) throws(TransportError) {
    guard !host.isEmpty, host.utf8.count <= Self.hostByteCountMax else {
      throw .badEndpoint(text: host, reason: "the host must have 1 to 253 characters")
    }
    guard (0...65_535).contains(port) else {
      throw .badEndpoint(text: "\(host):\(port)", reason: "the port must be in 0...65535")
    }
    self.host = host
    self.port = port
  }

  /// Reads `host:port`.
  public init(_ text: some StringProtocol) throws(TransportError) {
    guard let colon = text.lastIndex(of: ":") else {
      throw .badEndpoint(text: String(text), reason: "write host:port, for example 127.0.0.1:7101")
    }
    let digits = text[text.index(after: colon)...]
    guard (1...5).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let port = Int(digits)
    else {
      throw .badEndpoint(text: String(text), reason: "the port must be a number in 0...65535")
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw .badEndpoint(
        text: String(text), reason: "an IPv6 address stands in brackets: [::1]:7101")
    }
    try self.init(host: String(host), port: port)
  }

  /// Whether this can only be the same machine: 127.0.0.0/8, ::1 or `localhost`.
  public var isLoopback: Bool {
    if host == "localhost" || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  /// The same host with another port.
  public func with(port: Int) throws(TransportError) -> Endpoint {
    try Endpoint(host: host, port: port)
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  private static let hostByteCountMax = 253
}
