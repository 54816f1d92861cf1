public import KeyManagement
public import RPC

/// What keys refuse, to whoever runs them. The texts hold names, versions and paths, never a key.
extension KeyManagementError: RPCErrorConvertible {
  public var rpcError: RPCError {
    switch self {
    case .unavailable: RPCError(.unavailable, description)
    case .unknownVersion: RPCError(.notFound, description)
    case .denied: RPCError(.permissionDenied, description)
    case .tooManyVersions: RPCError(.resourceExhausted, description)
    case .cryptography, .unexpectedAnswer: RPCError(.internalError, description)
    default: RPCError(.failedPrecondition, description)
    }
  }
}
