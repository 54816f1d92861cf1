package import PrivacyCore

/// Why a receipt is not recorded, or a question not answered. The texts never repeat what could
/// be personal: names of scopes and fields, ids of receipts and numbers are all they hold.
package enum ReceiptRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  case malformedJSON(String)
  case malformedPID
  case malformedConsentID
  case noScopes
  case tooManyScopes(limit: Int)
  case scopeNamedTwice(String)
  case malformedScope
  case unknownScope(String, known: [String])
  case noExpiry
  case needlessExpiry(ReceiptDraft.Kind)
  case expiryNotAfterGrant
  case timeOutOfRange(field: String)
  case noSource
  case malformedSource
  case sourceLooksLike(String)
  case noVersion
  case duplicateID(ConsentID)
  case unknownReceipt
  case erased
  case takenBackLater(scope: String, at: Timestamp)
  case tooManyReceipts(limit: Int)
  case tooManyChecks(limit: Int)
  case erasureNotAllowed
  case malformedGround

  package var description: String {
    switch self {
    case .malformedJSON(let what): what
    case .malformedPID:
      "the pid is malformed: 32 bytes, as text 43 characters of base64url without padding"
    case .malformedConsentID: "the consent id is malformed: \"c_\" and a ULID of 26 characters"
    case .noScopes: "the receipt names no scope"
    case .tooManyScopes(let limit): "the receipt names more than \(limit) scopes"
    case .scopeNamedTwice(let scope): "the receipt names the scope \(scope) twice"
    case .malformedScope:
      "a scope is malformed: a lower-case letter, then up to 63 of a-z 0-9 _ - ."
    case .unknownScope(let scope, let known):
      "the scope \(scope) is not known here; known are \(known.joined(separator: ", "))"
    case .noExpiry: "the receipt has no expiry; consent is never given for ever"
    case .needlessExpiry(let kind): "a receipt of the kind \(kind.rawValue) has no expiry"
    case .expiryNotAfterGrant: "the receipt expires before it begins"
    case .timeOutOfRange(let field): "\(field) must lie in the years 1970 to 9999"
    case .noSource: "the receipt has no source: it must say where consent was given"
    case .malformedSource: "the source is malformed: up to 256 bytes without control characters"
    case .sourceLooksLike(let what):
      "the source looks like \(what); identifiers belong in the vault"
    case .noVersion: "the receipt has no version: the version of the notice, from 1"
    case .duplicateID(let id): "the consent id \(id) is taken by a receipt with another content"
    case .unknownReceipt: "there is no receipt with this consent id"
    case .erased: "this person was erased; nothing is recorded for this pid again"
    case .takenBackLater(let scope, let time):
      "the scope \(scope) was taken back at \(time); a consent given before that does not restore it"
    case .tooManyReceipts(let limit): "this person has \(limit) receipts already"
    case .tooManyChecks(let limit): "more than \(limit) checks in one request"
    case .erasureNotAllowed: "a service must not import an erasure; a person asks for it with erase"
    case .malformedGround: "the legal ground is malformed: a name such as gdpr-17-1-b"
    }
  }
}
