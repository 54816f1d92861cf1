/// The five services, by the names their certificates carry.
public enum WellKnownService: String, CaseIterable, Sendable {
  case consent, vault, features, trainer, vectors

  /// The port it listens on unless told otherwise.
  public var defaultPort: Int {
    switch self {
    case .consent: 7101
    case .vault: 7102
    case .features: 7103
    case .trainer: 7104
    case .vectors: 7105
    }
  }

  /// Where it is looked for unless told otherwise: this machine.
  public var defaultEndpointText: String { "127.0.0.1:\(defaultPort)" }

  /// The environment variable that says where it is: `TACIT_CONSENT_ENDPOINT`.
  public var endpointVariable: String { "TACIT_\(rawValue.uppercased())_ENDPOINT" }

  /// The program's name: `tacit-consent`.
  public var programName: String { "tacit-\(rawValue)" }
}
