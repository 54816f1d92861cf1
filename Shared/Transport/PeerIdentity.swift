/// Who is at the other end of a connection, as its certificate says.
public struct PeerIdentity: Hashable, Sendable, CustomStringConvertible {
  /// What kind of peer it is.
  public enum Kind: String, Sendable {
    /// Another service: `spiffe://tacit/service/<name>`.
    case service
    /// A person or a person's tool: `spiffe://tacit/user/<role>/<name>`.
    case user
    /// Somebody on this machine over plain TCP, without any proof. Never on the wire.
    case local
  }

  /// What kind of peer it is.
  public let kind: Kind

  /// The role of a user; empty for the other kinds.
  public let role: String

  /// The name of the service or user.
  public let name: String

  /// A service: `consent`, `vault`, `features` …
  public static func service(_ name: String) throws(TransportError) -> PeerIdentity {
    try PeerIdentity(spiffeID: prefix + "service/" + name)
  }

  /// A user with a role.
  public static func user(role: String, name: String) throws(TransportError) -> PeerIdentity {
    try PeerIdentity(spiffeID: prefix + "user/" + role + "/" + name)
  }

  /// Whoever uses plain TCP on this machine.
  public static let local = PeerIdentity(kind: .local, role: "", name: "loopback")

  /// Reads a SPIFFE id of ours. Its names consist of 1 to 64 lower-case letters, digits, `-`, `_`
  /// and `.`, and begin with a letter or a digit.
  public init(spiffeID text: String) throws(TransportError) {
    guard text.hasPrefix(Self.prefix) else { throw .badIdentity(text: text) }
    let parts = text.dropFirst(Self.prefix.count)
      .split(separator: "/", omittingEmptySubsequences: false)
    guard parts.dropFirst().allSatisfy(Self.isName) else { throw .badIdentity(text: text) }
    switch (parts.first, parts.count) {
    case ("service", 2): self.init(kind: .service, role: "", name: String(parts[1]))
    case ("user", 3): self.init(kind: .user, role: String(parts[1]), name: String(parts[2]))
    default: throw .badIdentity(text: text)
    }
  }

  /// The identity as it stands in a certificate; `tacit:local` for a peer without one.
  public var spiffeID: String {
    switch kind {
    case .service: Self.prefix + "service/" + name
    case .user: Self.prefix + "user/" + role + "/" + name
    case .local: "tacit:local"
    }
  }

  public var description: String { spiffeID }

  private init(kind: Kind, role: String, name: String) {
    self.kind = kind
    self.role = role
    self.name = name
  }

  private static let prefix = "spiffe://tacit/"

  private static func isName(_ text: Substring) -> Bool {
    guard let first = text.utf8.first, (1...64).contains(text.utf8.count) else { return false }
    return isLetterOrDigit(first)
      && text.utf8.allSatisfy {
        isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
          || $0 == UInt8(ascii: ".")
      }
  }

  private static func isLetterOrDigit(_ character: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(character)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character)
  }
}
