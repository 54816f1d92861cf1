internal import PrivacyCore
package import RPC

/// Why a call was refused. The texts never hold an identifier.
package enum VaultRefusal: Error, Equatable, Sendable, CustomStringConvertible {
  case unknownDomain
  case tooManyIdentifiers(limit: Int)
  case tooManyPeople(limit: Int)
  case malformedPID
  case primaryMissing
  case aliasMissing
  case primaryRefused(IdentifierRefusal)
  case aliasRefused(IdentifierRefusal)
  case provenanceLength
  case provenanceLooksLike(String)
  case unknownPerson
  case primaryUnknown
  case forgotten
  case mergeNeeded
  case tooManyLinks(limit: Int)
  case notAService
  case sharedIdentifier
  case bothHaveSeveral
  case rowsNotSettled
  case otherDomain
  case notLinked
  case confirmationNotAllowed
  case batchNotOwned
  case createNotAllowed
  case tooFast(retryAfterMs: Int64)
  case beyondBurst(limit: Int)
  case dayIsSpent(limit: Int)
  case guessing
  case tooManyCallers(limit: Int)

  package var description: String {
    switch self {
    case .unknownDomain: "the vault has no pseudonym domain of this name"
    case .tooManyIdentifiers(let limit): "one batch holds at most \(limit) identifiers"
    case .tooManyPeople(let limit): "one call asks for at most \(limit) people"
    case .malformedPID: "a pid has 32 bytes"
    case .primaryMissing: "the identifier that names the person is missing"
    case .aliasMissing: "the identifier to be linked is missing"
    case .primaryRefused(let refusal): "the identifier that names the person: \(refusal)"
    case .aliasRefused(let refusal): "the identifier to be linked: \(refusal)"
    case .provenanceLength: "say in 1 to 256 bytes who links the two: crm:merge-2026-03"
    case .provenanceLooksLike(let what): "the provenance looks like \(what)"
    case .unknownPerson: "the vault knows nobody with this pid"
    case .primaryUnknown: "nobody is known by the first identifier; record the person first"
    case .forgotten: "this person was forgotten"
    case .mergeNeeded:
      "both identifiers are known as different people; merge the two if they are one"
    case .tooManyLinks(let limit): "a person has at most \(limit) identifiers"
    case .notAService: "subject keys are given to services only"
    case .sharedIdentifier:
      "several people may use one of the identifiers; confirm that these are one person's"
    case .bothHaveSeveral:
      "both people have several identifiers; confirm that they are one person"
    case .rowsNotSettled:
      """
      the merged pid's rows become unreadable: withdraw its consent and purge or write its rows anew, \
      then say that they are settled
      """
    case .otherDomain: "people of two pseudonym domains are never merged"
    case .notLinked: "this pid is no linked or merged one"
    case .confirmationNotAllowed: "to confirm needs a person with the scope vault.confirm"
    case .batchNotOwned:
      """
      more than \(CallerLimits.identifiersPerSingleCallMax) identifiers at once, and streams, need \
      the scope vault.batch
      """
    case .createNotAllowed: "recording people needs the scope vault.create"
    case .tooFast(let ms): "too many identifiers at once; try again in \(ms) ms"
    case .beyondBurst(let limit): "a caller has at most \(limit) identifiers at once"
    case .dayIsSpent(let limit):
      "a caller has at most \(limit) distinct identifiers a day; today's are spent"
    case .guessing:
      "too many of this caller's look-ups found nobody; they are refused for some minutes"
    case .tooManyCallers(let limit): "the vault tells at most \(limit) callers a day apart"
    }
  }
}

extension VaultRefusal: RPCErrorConvertible {
  package var rpcError: RPCError {
    guard case .tooFast(let ms) = self else { return RPCError(code, description) }
    return RPCError(code, description, details: [StatusDetail("retry-after-ms", "\(ms)")])
  }

  private var code: StatusCode {
    switch self {
    case .unknownPerson, .primaryUnknown: .notFound
    case .forgotten, .mergeNeeded, .sharedIdentifier, .bothHaveSeveral, .rowsNotSettled,
      .otherDomain, .notLinked:
      .failedPrecondition
    case .tooManyLinks, .tooFast, .beyondBurst, .dayIsSpent, .guessing, .tooManyCallers:
      .resourceExhausted
    case .notAService, .confirmationNotAllowed, .batchNotOwned, .createNotAllowed: .permissionDenied
    case .unknownDomain, .tooManyIdentifiers, .tooManyPeople, .malformedPID, .primaryMissing,
      .aliasMissing, .primaryRefused, .aliasRefused, .provenanceLength, .provenanceLooksLike:
      .invalidArgument
    }
  }
}

/// The pid in a request.
func pid(_ bytes: [UInt8]) throws(VaultRefusal) -> PseudonymousID {
  guard let pid = PseudonymousID(bytes: bytes) else { throw .malformedPID }
  return pid
}
