package import ConsentAPI
internal import Cryptography
internal import PrivacyCore

/// By what the keeper of a log signs a piece of evidence as a whole: the question, the answer and every
/// part, so that nobody else can put a question to parts that were given for another.
///
///     tacit-consent-evidence/v1
///     log tacit/consent/0011223344556677
///     sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
package struct EvidenceNote: Hashable, Sendable {
  // No checkpoint has this for a first line with the like of the second behind it.
  private static let heading = "tacit-consent-evidence/v1"

  /// The text that is signed.
  package let text: String

  /// The note of `evidence`, whatever its signature.
  package init(_ evidence: ConsentEvidence, origin: String) throws {
    var unsigned = evidence
    unsigned.signature = []
    let hash = Base64.encode(try Digest.sha256(unsigned.packed()))
    text = "\(Self.heading)\nlog \(origin)\nsha256 \(hash)\n"
  }
}
