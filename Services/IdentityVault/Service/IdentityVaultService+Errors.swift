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
      "both identifiers are known as different people; merging people is a later step"
    case .tooManyLinks(let limit): "a person has at most \(limit) identifiers"
    case .notAService: "subject keys are given to services only"
    }
  }
}

extension VaultRefusal: RPCErrorConvertible {
  package var rpcError: RPCError { RPCError(code, description) }

  private var code: StatusCode {
    switch self {
    case .unknownPerson, .primaryUnknown: .notFound
    case .forgotten, .mergeNeeded: .failedPrecondition
    case .tooManyLinks: .resourceExhausted
    case .notAService: .permissionDenied
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
