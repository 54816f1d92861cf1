package import ConsentAPI

extension CheckReason {
  /// The reason in words.
  package var words: String {
    switch self {
    case .granted: "granted"
    case .neverAsked: "never asked"
    case .withdrawn: "withdrawn"
    case .expired: "expired"
    case .notYetValid: "not yet valid"
    case .erased: "erased"
    case .denied: "denied"
    case .restricted: "restricted"
    case .objected: "objected"
    case .unspecified, .unrecognized: "unknown"
    }
  }
}
