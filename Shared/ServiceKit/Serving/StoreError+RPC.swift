public import RPC
public import SealedStore

/// What a store refuses, as a status that a caller can act on. The rest is a fault of the service:
/// the caller learns no more than that, the log has the whole of it.
extension StoreError: RPCErrorConvertible {
  public var rpcError: RPCError {
    switch self {
    case .overloaded: RPCError(.resourceExhausted, "too many writes are waiting; try again")
    case .tooManyReaders: RPCError(.resourceExhausted, "too many reads at one time; try again")
    case .transactionTooLarge, .valueTooLarge:
      RPCError(.resourceExhausted, "the call writes too much at once; send less in each")
    case .resealRuns, .noReseal, .keyInUse, .keyIsCurrent, .notOnDisk:
      RPCError(.failedPrecondition, description)
    case .closed: RPCError(.unavailable, "the service is stopping")
    case .diskFull:
      RPCError(.unavailable, "the disk under the store is full; nothing was recorded")
    case .mapFull:
      RPCError(.unavailable, "the store has reached its configured size; nothing was recorded")
    case .inputOutput, .reopenNeeded:
      RPCError(
        .unavailable,
        "the store cannot write (input/output error); whether this was recorded is known when the "
          + "service has been restarted")
    default: RPCError(.internalError, "")
    }
  }
}
