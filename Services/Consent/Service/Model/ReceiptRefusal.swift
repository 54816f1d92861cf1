package import PrivacyCore

/// Why a receipt is not recorded, or a question not answered. The texts never repeat what could
/// be personal: names of scopes and fields, ids of receipts and numbers are all they hold.
package enum ReceiptRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  case malformedJSON(String)
  case malformedPID
  case malformedChunk
  case malformedConsentID
  case unknownKind
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
  case retired
  case retiredAmong([PseudonymousID])
  case notErased
  case takenBackLater(scope: String, at: Timestamp)
  case tooManyReceipts(limit: Int)
  case tooManyChecks(limit: Int)
  case erasureNotAllowed
  case malformedGround
  case scopeBothWays(String)
  case needlessDenials(ReceiptDraft.Kind)
  case grantInDenial
  case malformedText(field: String)
  case malformedHash(field: String)
  case malformedLanguage
  case malformedRetention
  case malformedActor(String)
  case guardianBeyondMajority
  case purposeNotAnswered(String)
  case notRestricted
  case malformedRequestKey
  case requestKeyReused
  case tooManyPeople(limit: Int)
  case personNamedTwice
  case unknownNotice
  case unknownNoticeVersion(newest: UInt32)
  case notInNotice(String)
  case languageNotInNotice
  case noNoticeLanguage
  case otherNoticeText
  case differsFromNotice(String)
  case malformedNotice(String)
  case malformedPurpose(String)
  case unknownPurpose
  case versionNotNext(expected: UInt32)
  case tooManyVersions(limit: Int)
  case tooManyNotices(limit: Int)
  case timeToCome
  case notLogged
  case entriesForgotten
  case notCosigned
  case forgedToken
  case tokenOfOtherEpoch
  case behindToken(known: UInt64)
  case malformedWebhook(String)
  case unknownWebhook
  case otherWebhook
  case tooManyWebhooks(limit: Int)
  case noSignal
  case noSignalScopes(String)
  case malformedSignal(String)
  case renamingImported

  package var description: String {
    switch self {
    case .malformedJSON(let what): what
    case .malformedPID:
      "the pid is malformed: 32 bytes, as text 43 characters of base64url without padding"
    case .malformedChunk: "a chunk holds lines or receipts, not both"
    case .malformedConsentID: "the consent id is malformed: \"c_\" and a ULID of 26 characters"
    case .unknownKind: "the kind of the receipt is not known here"
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
    case .notErased: "this person was not erased"
    case .erased: "this person was erased; nothing is recorded for this pid again"
    case .retired:
      """
      this pid was replaced when pid keys were rotated, and means nobody any more: ask the vault for \
      the present one
      """
    case .retiredAmong(let pids):
      """
      \(pids.count) of these pids were replaced when pid keys were rotated, and mean nobody any more: \
      \(pids.prefix(5).map { $0.description.prefix(8) + "…" }.joined(separator: ", "))\
      \(pids.count > 5 ? " and others" : ""); ask the vault for the present ones
      """
    case .takenBackLater(let scope, let time):
      "the scope \(scope) was taken back at \(time); a consent given before that does not restore it"
    case .tooManyReceipts(let limit): "this person has \(limit) receipts already"
    case .tooManyChecks(let limit): "more than \(limit) checks in one request"
    case .erasureNotAllowed: "a service must not import an erasure; a person asks for it with erase"
    case .malformedGround: "the legal ground is malformed: a name such as gdpr-17-1-b"
    case .scopeBothWays(let scope): "the scope \(scope) is both allowed and refused"
    case .needlessDenials(let kind): "a receipt of the kind \(kind.rawValue) refuses no scopes"
    case .grantInDenial: "a receipt of the kind denial allows no scopes"
    case .malformedText(let field):
      "\(field) is too long or has control characters"
    case .malformedHash(let field): "\(field) is no SHA-256: 32 bytes"
    case .malformedLanguage: "a language is malformed: a tag such as de or de-CH"
    case .malformedRetention: "a retention is malformed: an ISO 8601 duration such as P2Y"
    case .malformedActor(let what): "the actor is malformed: \(what)"
    case .guardianBeyondMajority:
      "a guardian's consent ends at the latest when the person comes of age"
    case .purposeNotAnswered(let purpose):
      "the receipt describes the purpose \(purpose) but says neither yes nor no to it"
    case .notRestricted: "none of it is restricted"
    case .malformedRequestKey: "the idempotency key is malformed: up to 64 printable characters"
    case .requestKeyReused: "the idempotency key was used for another request"
    case .tooManyPeople(let limit): "name 1 to \(limit) people in one request"
    case .personNamedTwice: "the request names a person twice"
    case .unknownNotice: "there is no notice of this name"
    case .unknownNoticeVersion(let newest):
      "the notice has no such version; the newest is \(newest)"
    case .notInNotice(let purpose): "the notice does not ask for the purpose \(purpose)"
    case .languageNotInNotice: "the notice has no text in this language"
    case .noNoticeLanguage:
      "the notice has texts in several languages: say which one the person saw"
    case .otherNoticeText: "the text that was shown is not the notice's"
    case .differsFromNotice(let field): "\(field) is not what the notice says"
    case .malformedNotice(let what): "the notice is malformed: \(what)"
    case .malformedPurpose(let what): "the purpose is malformed: \(what)"
    case .unknownPurpose: "there is no purpose of this name"
    case .versionNotNext(let expected): "the next version is \(expected)"
    case .tooManyVersions(let limit): "there are \(limit) versions already"
    case .tooManyNotices(let limit): "there are \(limit) notices already"
    case .timeToCome: "what will be recorded by a time in the future cannot be proven"
    case .notLogged: "the receipt is from before receipts were logged: nothing proves it"
    case .entriesForgotten:
      "this person was erased: what the log said of the person is forgotten and cannot be proven"
    case .notCosigned: "no checkpoint that a witness cosigned covers the receipts yet"
    case .forgedToken: "the consistency token is not one of this service"
    case .tokenOfOtherEpoch:
      "the consistency token belongs to another epoch of the consent log; read again without it"
    case .behindToken(let known): "the consent log is known up to \(known) only"
    case .malformedWebhook(let what): "the webhook is malformed: \(what)"
    case .unknownWebhook: "there is no webhook of this name"
    case .otherWebhook: "the name is taken by a webhook with another address"
    case .noSignal: "the request holds no signal"
    case .noSignalScopes(let setting):
      "no scope here is one that the signal speaks of; the service's setting \(setting) names them"
    case .malformedSignal(let what): what
    case .renamingImported:
      "a renaming is recorded by a rotation of this system's own pid keys and cannot be imported"
    case .tooManyWebhooks(let limit): "there are \(limit) webhooks already"
    }
  }
}
