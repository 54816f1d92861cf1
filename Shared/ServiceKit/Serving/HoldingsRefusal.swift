package import AccessPack
package import RPC

/// Why nobody is told what is held of a person. The texts never hold a pid or a ticket.
package enum HoldingsRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  case noPeople
  case tooManyPeople(limit: Int)
  case malformedPID
  case ticketLength(limit: Int)
  case ticketLooksLike(String)

  package var description: String {
    switch self {
    case .noPeople: "name the person's pids"
    case .tooManyPeople(let limit): "one person has at most \(limit) pids"
    case .malformedPID: "a pid has 32 bytes"
    case .ticketLength(let limit):
      "name in 1 to \(limit) bytes the ticket under which the person asked"
    case .ticketLooksLike(let what): "the ticket looks like \(what); it stands in the log"
    }
  }
}

extension HoldingsRefusal: RPCErrorConvertible {
  package var rpcError: RPCError { RPCError(.invalidArgument, description) }
}

extension AccessFault: RPCErrorConvertible {
  package var rpcError: RPCError {
    switch self {
    case .tooLarge: RPCError(.resourceExhausted, description)
    default: RPCError(.internalError, description)
    }
  }
}
