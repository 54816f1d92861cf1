package import PrivacyCore

/// What the consent service certifies of an erasure, once every store has said what it did.
///
///     tacit-erasure-certificate/v1
///     log tacit/consent/0011223344556677
///     pid AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8
///     sequence 41
///     ground gdpr-17-1-b
///     recorded 1768048496000000
///     in-force 1768048496012000
///     time 1768048496043000
///     statement features 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
///     statement vault 2CNdQ6Ge3zJzlQ1iGTvm+RLBYXJAUbAX1Xl1hNC0jXs=
///     model m_01JB… product_recs 1767000000000000 1.5 1e-06
///     kept receipts 3 gdpr-17-3-e
///
/// The models are those that may have learned from the person: read while the person allowed their
/// scope. Each is bounded by its (ε, δ), and that is all that is done about it.
package struct ErasureCertificate: Hashable, Sendable {
  private static let heading = "tacit-erasure-certificate/v1"

  /// A store's statement, by its hash.
  package struct Statement: Hashable, Sendable {
    /// The store's service.
    package var service: String
    /// SHA-256 of the signed note.
    package var hash: [UInt8]

    package init(service: String, hash: [UInt8]) {
      self.service = service
      self.hash = hash
    }
  }

  /// What is kept of the person all the same.
  package struct Kept: Hashable, Sendable {
    /// What it is: "receipts".
    package var what: String
    /// How many.
    package var count: UInt64
    /// By which rule: "gdpr-17-3-e".
    package var ground: String

    package init(what: String, count: UInt64, ground: String) {
      self.what = what
      self.count = count
      self.ground = ground
    }
  }

  /// The origin of the consent log, whose key signs.
  package var origin: String
  /// The person.
  package var pid: PseudonymousID
  /// The position of the erasure in the consent log.
  package var sequence: UInt64
  /// The legal ground of the request.
  package var ground: String
  /// When the erasure was recorded, in microseconds since the epoch.
  package var recordedAtUs: Int64
  /// From when no gate served the person any more.
  package var inForceAtUs: Int64
  /// When this was certified.
  package var atUs: Int64
  /// What every store said, in the order of their names.
  package var statements: [Statement]
  /// The models that may have learned from the person.
  package var models: [ModelMention]
  /// What is kept, and why.
  package var kept: [Kept]

  package init(
    origin: String, pid: PseudonymousID, sequence: UInt64, ground: String, recordedAtUs: Int64,
    inForceAtUs: Int64, atUs: Int64, statements: [Statement], models: [ModelMention], kept: [Kept]
  ) {
    self.origin = origin
    self.pid = pid
    self.sequence = sequence
    self.ground = ground
    self.recordedAtUs = recordedAtUs
    self.inForceAtUs = inForceAtUs
    self.atUs = atUs
    self.statements = statements
    self.models = models
    self.kept = kept
  }

  /// The text that is signed.
  package var text: String {
    var text = """
      \(Self.heading)
      log \(origin)
      pid \(Base64URL.encode(pid.bytes))
      sequence \(sequence)
      ground \(ground)
      recorded \(recordedAtUs)
      in-force \(inForceAtUs)
      time \(atUs)

      """
    for statement in statements {
      text += "statement \(statement.service) \(Base64.encode(statement.hash))\n"
    }
    for model in models { text += "model \(model.text)\n" }
    for kept in kept { text += "kept \(kept.what) \(kept.count) \(kept.ground)\n" }
    return text
  }

  /// Reads such a text; `nil` for any other. There is one text for each certificate.
  package init?(text: String) {
    guard var lines = NoteLines(text, heading: Self.heading), let origin = lines.take("log"),
      let pid = lines.takePerson(), let sequence: UInt64 = lines.takeNumber("sequence"),
      let ground = lines.take("ground"), let recordedAtUs: Int64 = lines.takeNumber("recorded"),
      let inForceAtUs: Int64 = lines.takeNumber("in-force"),
      let atUs: Int64 = lines.takeNumber("time")
    else { return nil }
    self.init(
      origin: origin, pid: pid, sequence: sequence, ground: ground, recordedAtUs: recordedAtUs,
      inForceAtUs: inForceAtUs, atUs: atUs,
      statements: lines.takeAll("statement").compactMap { Statement(text: $0) },
      models: lines.takeAll("model").compactMap { ModelMention(text: $0) },
      kept: lines.takeAll("kept").compactMap { Kept(text: $0) })
    // Whatever was not understood is missing from the text now.
    guard self.text.utf8.elementsEqual(text.utf8) else { return nil }
  }
}

extension ErasureCertificate.Statement {
  fileprivate init?(text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 2, let hash = Base64.decode(String(words[1])), hash.count == 32 else {
      return nil
    }
    self.init(service: String(words[0]), hash: hash)
  }
}

extension ErasureCertificate.Kept {
  fileprivate init?(text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, let count = UInt64(words[1]) else { return nil }
    self.init(what: String(words[0]), count: count, ground: String(words[2]))
  }
}
