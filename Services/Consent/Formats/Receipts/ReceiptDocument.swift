package import PrivacyCore

/// Everything a consent receipt says, as plain values: what the formats of this module read and
/// write. It is well formed and no more; whether it can be recorded is the service's to judge.
package struct ReceiptDocument: Hashable, Sendable {
  /// What a receipt says of its scopes.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    case grant, withdrawal, erasure, denial, restriction
    case restrictionLifted = "restriction-lifted"
    case objection, renaming
  }

  /// What was said to a purpose. Never asked is no entry at all.
  package enum Decision: String, Hashable, Sendable, CaseIterable { case granted, denied }

  /// On what ground a purpose is pursued: GDPR article 6 (1) (a) to (f), and article 9 (2) (a).
  package enum LegalBasis: String, Hashable, Sendable, CaseIterable {
    case consent, contract
    case legalObligation = "legal_obligation"
    case vitalInterests = "vital_interests"
    case publicTask = "public_task"
    case legitimateInterests = "legitimate_interests"
    case explicitConsent = "explicit_consent"
  }

  /// The notice the person saw; its version is the receipt's.
  package struct Notice: Hashable, Sendable {
    /// Its name; empty where it is not said.
    package var id: String
    /// A tag of BCP 47; empty where it is not said.
    package var language: String
    /// SHA-256 of the text that was shown, 32 bytes, or empty.
    package var textHash: [UInt8]

    /// A notice.
    package init(id: String = "", language: String = "", textHash: [UInt8] = []) {
      self.id = id
      self.language = language
      self.textHash = textHash
    }
  }

  /// What the receipt says of one purpose, which is named like the scope it allows.
  package struct Purpose: Hashable, Sendable {
    package var name: String
    /// What was said; `nil` where the receipt does not say.
    package var decision: Decision?
    /// On what ground; `nil` where the receipt does not say.
    package var legalBasis: LegalBasis?
    /// The purpose above it that was asked for in its place; empty where it was asked for itself.
    package var coveredBy: String
    /// An ISO 8601 duration, or empty.
    package var retention: String

    /// A purpose.
    package init(
      name: String, decision: Decision? = nil, legalBasis: LegalBasis? = nil,
      coveredBy: String = "", retention: String = ""
    ) {
      self.name = name
      self.decision = decision
      self.legalBasis = legalBasis
      self.coveredBy = coveredBy
      self.retention = retention
    }
  }

  /// Who spoke for the person.
  package struct Actor: Hashable, Sendable {
    /// In what capacity.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
      case `self`, guardian, agent
      case `import`
      case browserSignal = "browser_signal"
    }

    /// In what capacity; `nil` where the receipt does not say.
    package var kind: Kind?
    /// Of the agent, the system or the signal; never a person's. Empty where it is not said.
    package var name: String
    /// For a guardian: when the person comes of age.
    package var majorityAt: Timestamp?

    /// An actor.
    package init(kind: Kind? = nil, name: String = "", majorityAt: Timestamp? = nil) {
      self.kind = kind
      self.name = name
      self.majorityAt = majorityAt
    }
  }

  /// The receipt's id.
  package var consentID: ConsentID
  /// The person.
  package var pid: PseudonymousID
  /// What it says.
  package var kind: Kind
  /// The scopes it speaks of.
  package var scopes: [String]
  /// The scopes that were asked for in the same act and refused.
  package var deniedScopes: [String] = []
  /// For a renaming: the pid that the person had before.
  package var formerPID: PseudonymousID?
  /// From when it counts.
  package var grantedAt: Timestamp
  /// Until when it counts (exclusive); a grant has it, no other kind needs it.
  package var expiresAt: Timestamp?
  /// Where it was given: "web-portal:v2".
  package var source: String
  /// The version of the notice the person saw.
  package var version: UInt32

  /// The notice.
  package var notice: Notice?
  /// Who is responsible for the data.
  package var controller = ""
  /// Under whose law: "DE", "US-CA".
  package var jurisdiction = ""
  /// The kinds of personal data.
  package var piiCategories: [String] = []
  /// Who receives the data.
  package var recipients: [String] = []
  /// How long data is kept: an ISO 8601 duration.
  package var retention = ""
  /// How the person takes it back: an address of a page, or words.
  package var withdrawalMethod = ""
  /// The purposes, those covered by one above them too.
  package var purposes: [Purpose] = []
  /// Who spoke.
  package var actor: Actor?
  /// SHA-256 of the evidence, 32 bytes, or empty.
  package var evidenceHash: [UInt8] = []

  /// When the service recorded it; what follows is the service's too, and no import sets it.
  package var recordedAt: Timestamp?
  /// Its position in the consent log.
  package var sequence: UInt64?
  /// Its number among the person's receipts, from 1.
  package var personSequence: UInt64?
  /// SHA-256 of the person's previous receipt, 32 bytes; empty for the first.
  package var previousHash: [UInt8] = []

  /// A receipt that says what the seed's form can say; the rest is set afterwards.
  package init(
    consentID: ConsentID, pid: PseudonymousID, kind: Kind = .grant, scopes: [String],
    grantedAt: Timestamp, expiresAt: Timestamp? = nil, source: String, version: UInt32
  ) {
    self.consentID = consentID
    self.pid = pid
    self.kind = kind
    self.scopes = scopes
    self.grantedAt = grantedAt
    self.expiresAt = expiresAt
    self.source = source
    self.version = version
  }

  /// What the receipt says of each scope it names, in its order: the purposes' own words where it
  /// has them, and a bare purpose where it is in the seed's form.
  package var answers: [Purpose] {
    (scopes.map { ($0, Decision.granted) } + deniedScopes.map { ($0, Decision.denied) })
      .map { name, decision in
        var purpose = purposes.first { $0.name == name } ?? Purpose(name: name)
        purpose.decision = purpose.decision ?? decision
        return purpose
      }
  }
}
