internal import PrivacyCore
package import RPC

/// Why a step on the way back to identifiers was refused. The texts hold no identifier, no pid and
/// no token.
package enum ReidentificationRefusal: Error, Equatable, Sendable, CustomStringConvertible {
  case frozen
  case notAPerson
  case noPeople
  case tooManyPeople(limit: Int)
  case repeatedPerson
  case malformedPID
  case purposeLength
  case ticketLength
  case reasonLength
  case textLooksLike(String)
  case tooManyOpenCases(limit: Int)
  case unknownCase
  case ownCase
  case notTheRequester
  case approvedAlready
  case notApproved
  case notOpen(CaseState)
  case wrongToken
  case notFrozen
  case proposedAlready
  case limit

  package var description: String {
    switch self {
    case .frozen: "re-identification is frozen"
    case .notAPerson: "only people with a certificate of their own take part in re-identification"
    case .noPeople: "say whose identifiers are needed"
    case .tooManyPeople(let limit): "one request names at most \(limit) people"
    case .repeatedPerson: "a pid is named twice"
    case .malformedPID: "a pid has 32 bytes"
    case .purposeLength: "say in 1 to 256 bytes what the identifiers are needed for"
    case .ticketLength: "name the legal ticket in 1 to 128 bytes"
    case .reasonLength: "a reason has at most 256 bytes"
    case .textLooksLike(let what): "the text looks like \(what)"
    case .tooManyOpenCases(let limit): "a requester has at most \(limit) open cases"
    case .unknownCase: "there is no such case"
    case .ownCase: "nobody decides on a request of their own, in whatever role"
    case .notTheRequester: "the case is somebody else's"
    case .approvedAlready: "this person has approved already; somebody else is needed"
    case .notApproved: "the case still waits for approvals"
    case .notOpen(let state): "the case is \(state.rawValue)"
    case .wrongToken: "the token is not this warrant's"
    case .notFrozen: "re-identification is not frozen"
    case .proposedAlready: "the same person proposed it; somebody else must agree"
    case .limit: "a case list holds 1 to 100 cases"
    }
  }

  /// Whether the attempt is worth an entry in the log: who tries to get round the rules shows there.
  var isLogged: Bool {
    switch self {
    case .ownCase, .notTheRequester, .approvedAlready, .notApproved, .notOpen, .wrongToken,
      .frozen, .proposedAlready:
      true
    default: false
    }
  }
}

extension ReidentificationRefusal: RPCErrorConvertible {
  package var rpcError: RPCError { RPCError(code, description) }

  private var code: StatusCode {
    switch self {
    case .unknownCase: .notFound
    case .notAPerson, .ownCase, .notTheRequester, .wrongToken: .permissionDenied
    case .frozen, .approvedAlready, .notApproved, .notOpen, .notFrozen, .proposedAlready:
      .failedPrecondition
    case .tooManyOpenCases: .resourceExhausted
    case .noPeople, .tooManyPeople, .repeatedPerson, .malformedPID, .purposeLength, .ticketLength,
      .reasonLength, .textLooksLike, .limit:
      .invalidArgument
    }
  }
}
