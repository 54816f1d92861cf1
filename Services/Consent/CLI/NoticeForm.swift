internal import ConsentAPI
internal import Foundation
internal import PrivacyCore
internal import ServiceKit

/// A notice as it is written in a file, and shown.
struct NoticeForm: Codable {
  struct PurposeForm: Codable {
    var purpose: String
    var legalBasis: String
    var coversChildren: Bool?
    var retention: String?

    enum CodingKeys: String, CodingKey {
      case purpose, retention
      case legalBasis = "legal_basis"
      case coversChildren = "covers_children"
    }
  }

  struct TextForm: Codable {
    var language: String
    var text: String?
    var textHash: String?

    enum CodingKeys: String, CodingKey {
      case language, text
      case textHash = "text_hash"
    }
  }

  var id: String
  var version: UInt32?
  var controller: String
  var jurisdiction: String?
  var purposes: [PurposeForm]
  var texts: [TextForm]
  var piiCategories: [String]?
  var recipients: [String]?
  var retention: String?
  var withdrawalMethod: String
  var recordedAt: String?

  enum CodingKeys: String, CodingKey {
    case id, version, controller, jurisdiction, purposes, texts, recipients, retention
    case piiCategories = "pii_categories"
    case withdrawalMethod = "withdrawal_method"
    case recordedAt = "recorded_at"
  }

  init(_ notice: Notice) {
    id = notice.id
    version = notice.version
    controller = notice.controller
    jurisdiction = notice.jurisdiction
    purposes = notice.purposes.map {
      PurposeForm(
        purpose: $0.purpose, legalBasis: LegalBasisName.text($0.legalBasis),
        coversChildren: $0.coversChildren, retention: $0.retention)
    }
    texts = notice.texts.map {
      TextForm(
        language: $0.language, text: $0.text.isEmpty ? nil : $0.text,
        textHash: Hexadecimal.encode($0.textHash))
    }
    piiCategories = notice.piiCategories
    recipients = notice.recipients
    retention = notice.retention
    withdrawalMethod = notice.withdrawalMethod
    recordedAt = Timestamp(microseconds: notice.recordedAtUs).description
  }

  /// The notice as it is sent to be recorded.
  func message() throws -> Notice {
    Notice(
      id: id, version: version ?? 0, controller: controller, jurisdiction: jurisdiction ?? "",
      purposes: try purposes.map {
        NoticePurpose(
          purpose: $0.purpose, legalBasis: try LegalBasisName.read($0.legalBasis),
          coversChildren: $0.coversChildren ?? false, retention: $0.retention ?? "")
      },
      texts: texts.map { NoticeText(language: $0.language, text: $0.text ?? "") },
      piiCategories: piiCategories ?? [], recipients: recipients ?? [],
      retention: retention ?? "", withdrawalMethod: withdrawalMethod)
  }
}

/// Legal bases as they are written.
enum LegalBasisName {
  private static let names: [(String, LegalBasis)] = [
    ("consent", .consent), ("contract", .contract), ("legal_obligation", .legalObligation),
    ("vital_interests", .vitalInterests), ("public_task", .publicTask),
    ("legitimate_interests", .legitimateInterests), ("explicit_consent", .explicitConsent),
  ]

  static func text(_ basis: LegalBasis) -> String {
    names.first { $0.1 == basis }?.0 ?? "unknown"
  }

  static func read(_ text: String) throws -> LegalBasis {
    guard let basis = names.first(where: { $0.0 == text })?.1 else {
      throw CommandFailure(
        "a legal basis is one of \(names.map(\.0).joined(separator: ", "))")
    }
    return basis
  }
}

/// A purpose as it is written in a file, and shown.
struct PurposeForm: Codable {
  struct TextForm: Codable {
    var language: String
    var title: String
    var text: String
  }

  var id: String
  var version: UInt32?
  var parent: String?
  var texts: [TextForm]
  var recordedAt: String?

  enum CodingKeys: String, CodingKey {
    case id, version, parent, texts
    case recordedAt = "recorded_at"
  }

  init(_ purpose: Purpose) {
    id = purpose.id
    version = purpose.version
    parent = purpose.parent.isEmpty ? nil : purpose.parent
    texts = purpose.texts.map {
      TextForm(language: $0.language, title: $0.title, text: $0.text)
    }
    recordedAt =
      purpose.version == 0 ? nil : Timestamp(microseconds: purpose.recordedAtUs).description
  }

  var message: Purpose {
    Purpose(
      id: id, version: version ?? 0, parent: parent ?? "",
      texts: texts.map { PurposeText(language: $0.language, title: $0.title, text: $0.text) })
  }
}

/// Reads a JSON file; `-` is standard input.
func jsonFile<Value: Decodable>(_ path: String, as type: Value.Type) throws -> Value {
  let data: Data
  do {
    data =
      path == "-"
      ? try FileHandle.standardInput.readToEnd() ?? Data()
      : try Data(contentsOf: URL(filePath: path))
  } catch {
    throw CommandFailure("\(path) cannot be read")
  }
  guard data.count <= 1 << 20 else { throw CommandFailure("\(path) is longer than a mebibyte") }
  return try decodeJSON(type, from: String(decoding: data, as: UTF8.self))
}
