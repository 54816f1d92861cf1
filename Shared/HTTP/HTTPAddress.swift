/// Where something is sent by HTTP: `https://host:port/path?query`.
public struct HTTPAddress: Hashable, Sendable, CustomStringConvertible {
  /// Whether TLS protects it.
  public let isSecure: Bool
  /// The host's name or address, without brackets.
  public let host: String
  /// The port.
  public let port: Int
  /// Path and query, from the slash on.
  public let target: String

  /// The most bytes of an address.
  public static let byteCountMax = 2_048

  /// This machine, by the names that plain http is taken for.
  public static let loopback: Set<String> = ["127.0.0.1", "::1", "localhost"]

  /// Reads an address. `nil` for anything but http and https, for one with a user or a fragment,
  /// and for plain http to another machine than this one: what is sent must not be read on the way.
  ///
  /// - Parameter plainHosts: the hosts that plain http may go to.
  public init?(_ text: String, plainHosts: Set<String> = loopback) {
    guard text.utf8.count <= Self.byteCountMax,
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { return nil }
    let rest: Substring
    if text.hasPrefix("https://") {
      isSecure = true
      rest = text.dropFirst(8)
    } else if text.hasPrefix("http://") {
      isSecure = false
      rest = text.dropFirst(7)
    } else {
      return nil
    }
    guard !rest.contains("#"), !rest.contains("\\"), !rest.contains("\"") else { return nil }
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let behind = rest.dropFirst(authority.count)
    target = behind.isEmpty ? "/" : behind.hasPrefix("?") ? "/" + behind : String(behind)
    guard !authority.contains("@"),
      let (host, port) = Self.split(authority, defaultPort: isSecure ? 443 : 80)
    else { return nil }
    self.host = host
    self.port = port
    guard isSecure || plainHosts.contains(host) else { return nil }
  }

  private static func split(
    _ authority: Substring, defaultPort: Int
  ) -> (host: String, port: Int)? {
    var host = authority
    var portText: Substring?
    if authority.hasPrefix("[") {
      guard let end = authority.firstIndex(of: "]") else { return nil }
      host = authority[authority.index(after: authority.startIndex)..<end]
      let behind = authority[authority.index(after: end)...]
      if !behind.isEmpty {
        guard behind.hasPrefix(":") else { return nil }
        portText = behind.dropFirst()
      }
    } else if let colon = authority.firstIndex(of: ":") {
      host = authority[..<colon]
      portText = authority[authority.index(after: colon)...]
      guard portText?.contains(":") == false else { return nil }
    }
    guard !host.isEmpty else { return nil }
    guard let portText else { return (host.lowercased(), defaultPort) }
    guard let port = Int(portText), (1...65_535).contains(port) else { return nil }
    return (host.lowercased(), port)
  }

  /// What the `Host` header says.
  public var hostHeader: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// The address without path and query.
  public var origin: String { (isSecure ? "https://" : "http://") + hostHeader }

  public var description: String {
    origin + target
  }
}
