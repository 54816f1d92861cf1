package import ConsentAPI

extension CheckReason {
  /// Why a person's rows are not taken, for people.
  package var sentence: String {
    switch self {
    case .granted: "consent is in force"
    case .neverAsked: "no consent was ever recorded for this scope"
    case .withdrawn: "consent was withdrawn"
    case .expired: "consent has expired"
    case .notYetValid: "consent is not valid yet"
    case .erased: "the person was erased"
    case .denied: "consent was refused"
    case .restricted: "the use is restricted for now"
    case .objected: "the person objected to the use"
    case .unspecified, .unrecognized: "the consent service gave no reason that is known here"
    }
  }
}
