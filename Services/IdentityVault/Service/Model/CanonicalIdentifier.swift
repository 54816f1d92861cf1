internal import PrivacyCore
package import VaultAPI

/// An identifier in the one form that stands for all its spellings.
package struct CanonicalIdentifier: Equatable, Sendable {
  /// The most bytes that are looked at, as in the schema.
  package static let inputByteCountMax = 512
  /// The most bytes of a qualifier, as in the schema.
  package static let qualifierByteCountMax = 64

  /// What sort it is.
  package let kind: IdentifierKind
  /// What made it canonical.
  package let profile: CanonicalProfile
  /// The canonical text, UTF-8.
  package let value: [UInt8]
  /// The source system of a customer number; empty for the other kinds.
  package let source: String

  /// The canonical form of `identifier`.
  ///
  /// - Parameter emailProfile: how the pseudonym domain writes e-mail addresses.
  package init(
    _ identifier: Identifier, emailProfile: CanonicalProfile
  ) throws(IdentifierRefusal) {
    guard identifier.value.utf8.count <= Self.inputByteCountMax else { throw .inputTooLong }
    guard identifier.qualifier.utf8.count <= Self.qualifierByteCountMax else {
      throw .qualifierTooLong
    }
    kind = identifier.kind
    switch identifier.kind {
    case .email:
      profile = emailProfile
      source = ""
      value = try EmailAddress.canonical(identifier.value, profile: emailProfile)
    case .phone:
      profile = .phoneE164V1
      source = ""
      value = try PhoneNumber.canonical(identifier.value, region: identifier.qualifier)
    case .customerNumber:
      profile = .customerNumberV1
      source = try CustomerNumber.canonicalSource(identifier.qualifier)
      value = try CustomerNumber.canonical(identifier.value)
    case .unspecified, .unrecognized:
      throw .kindMissing
    }
  }

  /// The canonical form that a record holds; `nil` where the record has none.
  init?(_ record: IdentifierRecord) {
    guard let profile = CanonicalProfile(rawValue: record.profile) else { return nil }
    kind = record.kind
    self.profile = profile
    value = Array(record.value.utf8)
    source = record.source
  }

  /// What the pid is the code of. E-mail addresses stand alone, as in systems that made such pids
  /// before; the other kinds say what they are, so that two kinds never give one text.
  package var authenticatedBytes: [UInt8] {
    switch kind {
    case .phone: Array("phone:".utf8) + value
    // A source holds no colon, so that the text has only one reading.
    case .customerNumber: Array("customer-number:\(source):".utf8) + value
    default: value
    }
  }
}
