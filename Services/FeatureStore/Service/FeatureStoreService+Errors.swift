package import RPC

/// What can be wrong with a call. The texts name views, fields and limits, never a value.
package enum FeatureStoreError: RPCErrorConvertible, Equatable {
  /// The YAML is not what it should be.
  case badDefinition(DefinitionError)
  /// The definitions contradict what is in force.
  case conflictingDefinition(ViewConflict)
  /// The request asks for a view or a feature that there is not, or for none.
  case unknownFeature(ViewConflict)
  /// Rows for a view that has none, or events of a source that no view folds.
  case notWritable(String)
  /// The request itself is wrong.
  case badRequest(String)
  /// A limit of one call.
  case tooMuch(String)
  /// Reads and changes of the same people got in each other's way too often.
  case tooManyChanges
  /// The gate holds no lease: nobody's consent is known, and an answer without them would be wrong.
  case consentUnreachable

  package var rpcError: RPCError {
    switch self {
    case .badDefinition(let error): RPCError(.invalidArgument, error.description)
    case .conflictingDefinition(let conflict): RPCError(.failedPrecondition, conflict.reason)
    case .unknownFeature(let conflict): RPCError(.invalidArgument, conflict.reason)
    case .notWritable(let reason): RPCError(.failedPrecondition, reason)
    case .badRequest(let reason): RPCError(.invalidArgument, reason)
    case .tooMuch(let reason): RPCError(.resourceExhausted, reason)
    case .tooManyChanges: RPCError(.aborted, "these people are changing too fast; try again")
    case .consentUnreachable:
      RPCError(
        .unavailable,
        "the consent service cannot be reached, so nobody's data may be read or written")
    }
  }
}
