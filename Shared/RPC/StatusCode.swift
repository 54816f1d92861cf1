/// How a call ended: the numbers and the meaning of gRPC's status codes.
public enum StatusCode: UInt32, Sendable, CaseIterable, CustomStringConvertible {
  /// It succeeded.
  case ok = 0
  /// The caller gave up.
  case cancelled = 1
  /// Nobody knows why it failed.
  case unknown = 2
  /// The request itself is wrong, whatever the state of the service.
  case invalidArgument = 3
  /// The time was up. What the call does may still have happened.
  case deadlineExceeded = 4
  /// What was asked for is not there.
  case notFound = 5
  /// What was to be made is there already.
  case alreadyExists = 6
  /// The caller is known and may not do this.
  case permissionDenied = 7
  /// A limit, a quota or a budget is used up.
  case resourceExhausted = 8
  /// The state of the service does not allow it; a retry without a change does not help.
  case failedPrecondition = 9
  /// A conflict with another call; the whole operation may be tried again.
  case aborted = 10
  /// Beyond the end of what there is.
  case outOfRange = 11
  /// The service has no such method.
  case unimplemented = 12
  /// The service broke one of its own rules.
  case internalError = 13
  /// The service cannot be reached or does not accept calls now; a retry may help.
  case unavailable = 14
  /// Data is lost or damaged.
  case dataLoss = 15
  /// The caller is not known.
  case unauthenticated = 16

  /// The name as gRPC writes it: `INVALID_ARGUMENT`.
  public var description: String {
    switch self {
    case .ok: "OK"
    case .cancelled: "CANCELLED"
    case .unknown: "UNKNOWN"
    case .invalidArgument: "INVALID_ARGUMENT"
    case .deadlineExceeded: "DEADLINE_EXCEEDED"
    case .notFound: "NOT_FOUND"
    case .alreadyExists: "ALREADY_EXISTS"
    case .permissionDenied: "PERMISSION_DENIED"
    case .resourceExhausted: "RESOURCE_EXHAUSTED"
    case .failedPrecondition: "FAILED_PRECONDITION"
    case .aborted: "ABORTED"
    case .outOfRange: "OUT_OF_RANGE"
    case .unimplemented: "UNIMPLEMENTED"
    case .internalError: "INTERNAL"
    case .unavailable: "UNAVAILABLE"
    case .dataLoss: "DATA_LOSS"
    case .unauthenticated: "UNAUTHENTICATED"
    }
  }
}
