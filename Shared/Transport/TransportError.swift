/// What goes wrong below the calls: addresses, certificates and sockets.
public enum TransportError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The text is not an endpoint.
  case badEndpoint(text: String, reason: String)

  /// Plain TCP was asked for on an address that other machines can reach.
  case plainBeyondLoopback(endpoint: String)

  /// A certificate or key file is missing, unreadable or not what it should be.
  case badCredentials(path: String, reason: String)

  /// A file that `DevelopmentAuthority` would write is there already.
  case wouldOverwrite(path: String)

  /// A file could not be written.
  case cannotWrite(path: String, reason: String)

  /// A SPIFFE id that is not one of ours.
  case badIdentity(text: String)

  /// The TLS settings were refused by the TLS library.
  case badTLSConfiguration(reason: String)

  /// The port could not be opened.
  case cannotListen(endpoint: String, reason: String)

  /// The other side could not be reached.
  case cannotConnect(endpoint: String, reason: String)

  public var description: String {
    switch self {
    case .badEndpoint(let text, let reason): "\"\(text)\" is not an endpoint: \(reason)"
    case .plainBeyondLoopback(let endpoint):
      "plain TCP is only for this machine, and \(endpoint) is not a loopback address; use mutual TLS"
    case .badCredentials(let path, let reason): "cannot use \(path): \(reason)"
    case .wouldOverwrite(let path): "\(path) exists already; it is only replaced when asked for"
    case .cannotWrite(let path, let reason): "cannot write \(path): \(reason)"
    case .badIdentity(let text):
      "\"\(text)\" is not spiffe://tacit/service/<name> or spiffe://tacit/user/<role>/<name>"
    case .badTLSConfiguration(let reason): "TLS cannot be set up: \(reason)"
    case .cannotListen(let endpoint, let reason): "cannot listen on \(endpoint): \(reason)"
    case .cannotConnect(let endpoint, let reason): "cannot connect to \(endpoint): \(reason)"
    }
  }
}
