public import AuditLog
public import RPC
public import TransparencyLog

/// What the log refuses, as a status that a caller can act on.
extension AuditLogError: RPCErrorConvertible {
  public var rpcError: RPCError {
    switch self {
    case .noSuchEntry, .noSuchCheckpoint: RPCError(.notFound, description)
    case .notCovered, .closed: RPCError(.unavailable, description)
    case .windowTooLarge: RPCError(.resourceExhausted, description)
    case .unknownWitness: RPCError(.permissionDenied, description)
    case .noSigningKey, .olderFormat, .newerFormat: RPCError(.failedPrecondition, description)
    case .damaged, .contradictsCheckpoint: RPCError(.dataLoss, description)
    case .log(let error): error.rpcError
    }
  }
}

/// What is wrong with a request for a proof, a tile or a cosignature. The texts hold positions and
/// the names of keys only.
extension TransparencyLogError: RPCErrorConvertible {
  public var rpcError: RPCError {
    switch self {
    case .outOfRange: RPCError(.outOfRange, description)
    case .falseSignature, .notSigned, .falseKeyID: RPCError(.permissionDenied, description)
    case .cryptography: RPCError(.internalError, "")
    default: RPCError(.invalidArgument, description)
    }
  }
}
