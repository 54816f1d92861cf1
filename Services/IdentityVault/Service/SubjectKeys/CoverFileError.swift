package import KeyManagement
package import RPC

/// Why the cover of the key tree could not be had or replaced. Each says what to do.
package enum CoverFileError: Error, Equatable, Sendable, CustomStringConvertible {
  case missing(path: String)
  case damaged(path: String, reason: String)
  case newerFormat(path: String, found: Int)
  case otherService(path: String, found: String)
  case otherStore(path: String)
  case olderThanStore(path: String, epoch: UInt64, storeEpoch: UInt64)
  case storeBeforeTree(path: String)
  case tooLarge(nodeCount: Int, limit: Int)
  case slotsSpent
  case keys(KeyManagementError)

  package var description: String {
    switch self {
    case .missing(let path):
      """
      \(path) is missing: without it no key of the people in the store can be had. Put the newest \
      copy of it back, or say with --subject-key-file where it is. A new one is never made for a \
      store that has people
      """
    case .damaged(let path, let reason):
      "\(path) is no usable cover of the key tree: \(reason). Put the newest copy of it back"
    case .newerFormat(let path, let found):
      "\(path) has format \(found), this version reads \(CoverFile.format): upgrade it"
    case .otherService(let path, let found):
      "\(path) belongs to the service \(found), not to this one"
    case .otherStore(let path):
      "\(path) belongs to another store: put the file of this one there"
    case .olderThanStore(let path, let epoch, let storeEpoch):
      """
      \(path) is of epoch \(epoch), but the store knows of erasures up to epoch \(storeEpoch): the \
      file was restored from a copy from before they happened, and would undo them. Put the newest \
      copy back, and destroy this one
      """
    case .storeBeforeTree(let path):
      """
      the store is from before the key tree, and \(path) has destroyed keys since: who was erased \
      in between cannot be told, so nobody in this store can be read. Restore a newer backup
      """
    case .tooLarge(let nodeCount, let limit):
      """
      the cover of the key tree would have \(nodeCount) nodes, the limit is \(limit): no key can be \
      destroyed any more
      """
    case .slotsSpent: "all slots of the key tree were given out: nobody can be recorded any more"
    case .keys(let error): "\(error)"
    }
  }
}

extension CoverFileError: RPCErrorConvertible {
  package var rpcError: RPCError {
    let code: StatusCode =
      switch self {
      case .tooLarge, .slotsSpent: .resourceExhausted
      // A call can be repeated: what it has begun is finished then.
      case .keys: .unavailable
      default: .failedPrecondition
      }
    return RPCError(code, description)
  }
}
