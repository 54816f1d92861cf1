internal import Foundation
internal import PrivacyCore
internal import TransparencyLog

/// A certificate of erasure as it is handed out: the signed notes, and what they say for people to
/// read. Nobody needs to trust the second part: it follows from the first, and is compared with it.
package struct ErasureCertificateFile: Codable, Equatable, Sendable {
  package static let format = "tacit-erasure-certificate/v1"
  /// The most bytes of a file that is read.
  package static let byteCountMax = 4 << 20
  /// The most statements.
  static let statementCountMax = 65

  /// What a store said.
  package struct Store: Codable, Equatable, Sendable {
    package let service: String
    package let removed: UInt64
    package let left: UInt64
    package let lookedAt: String
    package let subjectKey: String?

    enum CodingKeys: String, CodingKey {
      case service, removed, left
      case lookedAt = "looked_at"
      case subjectKey = "subject_key"
    }
  }

  /// A model that may have learned from the person.
  package struct Model: Codable, Equatable, Sendable {
    package let id: String
    package let scope: String
    package let epsilon: Double
    package let delta: Double
    package let choice: String
  }

  /// What is kept.
  package struct Kept: Codable, Equatable, Sendable {
    package let what: String
    package let count: UInt64
    package let ground: String
  }

  package let format: String
  package let person: String
  package let ground: String
  package let recordedAt: String
  package let inForceAt: String
  package let certifiedAt: String
  package let stores: [Store]
  package let models: [Model]
  package let kept: [Kept]
  /// The signed note of the certificate.
  package let certificate: String
  /// The signed notes of the stores, in the order of the certificate.
  package let statements: [String]
  /// That the erasure is in the consent log: a packed `ConsentEvidence`, in Base64.
  package let evidence: String

  enum CodingKeys: String, CodingKey {
    case format, person, ground, stores, models, kept, certificate, statements, evidence
    case recordedAt = "recorded_at"
    case inForceAt = "in_force_at"
    case certifiedAt = "certified_at"
  }

  /// The file of what the service answered.
  ///
  /// - Throws: `EvidenceFault.malformed` for notes that are none.
  package init(
    certificate: [UInt8], statements: [[UInt8]], evidence: [UInt8]
  ) throws(EvidenceFault) {
    guard let note = try? SignedNote(encoded: certificate),
      let content = ErasureCertificate(text: note.text)
    else { throw .malformed("the certificate") }
    var stores: [Store] = []
    var notes: [String] = []
    for statement in statements {
      guard let note = try? SignedNote(encoded: statement),
        let content = ErasureStatement(text: note.text)
      else { throw .malformed("a statement") }
      stores.append(Store(content))
      notes.append(String(decoding: statement, as: UTF8.self))
    }
    format = Self.format
    person = content.pid.seedForm
    ground = content.ground
    recordedAt = Self.time(content.recordedAtUs)
    inForceAt = Self.time(content.inForceAtUs)
    certifiedAt = Self.time(content.atUs)
    self.stores = stores.sorted { $0.service < $1.service }
    models = content.models.map {
      Model(
        id: $0.id, scope: $0.scope, epsilon: $0.epsilon, delta: $0.delta,
        choice: "bounded by differential privacy")
    }
    kept = content.kept.map { Kept(what: $0.what, count: $0.count, ground: $0.ground) }
    self.certificate = String(decoding: certificate, as: UTF8.self)
    self.statements = notes.sorted()
    self.evidence = Base64.encode(evidence)
  }

  /// What it says, line by line.
  package var lines: [String] {
    var lines = [
      "person \(person)", "erased, in force at \(inForceAt), ground \(ground)",
    ]
    for store in stores {
      let key = store.subjectKey.map { ", the subject key: \($0)" } ?? ""
      lines.append("\(store.service): \(store.removed) removed, \(store.left) left\(key)")
    }
    for model in models {
      lines.append(
        "model \(model.id): \(model.choice), epsilon \(model.epsilon), delta \(model.delta)")
    }
    for kept in kept { lines.append("kept: \(kept.count) \(kept.what) (\(kept.ground))") }
    return lines
  }

  /// Reads a file; says nothing of whether it holds.
  package init(json: [UInt8]) throws(EvidenceFault) {
    guard json.count <= Self.byteCountMax,
      let file = try? JSONDecoder().decode(Self.self, from: Data(json)),
      file.format == Self.format, file.statements.count <= Self.statementCountMax
    else { throw .malformed("the certificate's file") }
    self = file
  }

  /// The file's bytes.
  package func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
  }

  fileprivate static func time(_ microseconds: Int64) -> String {
    Timestamp(microseconds: microseconds).description
  }
}

extension ErasureCertificateFile.Store {
  fileprivate init(_ statement: ErasureStatement) {
    service = statement.service
    removed = statement.removed
    left = statement.left
    lookedAt = ErasureCertificateFile.time(statement.atUs)
    switch statement.key {
    case .destroyed: subjectKey = "destroyed"
    case .absent: subjectKey = "there was none"
    case nil: subjectKey = nil
    }
  }
}
