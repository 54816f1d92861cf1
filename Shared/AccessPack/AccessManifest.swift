internal import Cryptography
internal import DynamicMessages
internal import PrivacyCore

extension AccessPack {
  /// The form of `manifest.json`.
  package static let manifestFormat = "tacit-access-manifest/v1"

  /// `manifest.json`: the hash of each file, and how much of what each service gave.
  ///
  /// - Throws: `falsePart` for a part that cannot be read; what the hash library throws.
  package func manifest() throws -> [UInt8] {
    let files = try [("access.json", json), ("access.html", page())].map { name, bytes in
      JSONValue.object([
        JSONValue.Member("name", .string(name)),
        JSONValue.Member("byte_count", .number("\(bytes.count)")),
        JSONValue.Member("sha256", .string(Hexadecimal.encode(try Digest.sha256(bytes)))),
      ])
    }
    let services = try parts.map { part in
      JSONValue.object([
        JSONValue.Member("service", .string(part.service)),
        JSONValue.Member("record_count", .number("\(part.lines.count)")),
        JSONValue.Member(
          "sections",
          .object(
            try part.sections().map {
              JSONValue.Member($0.name, .number("\($0.records.count)"))
            })),
        JSONValue.Member("note", .string(String(decoding: part.note, as: UTF8.self))),
      ])
    }
    let document = JSONValue.object([
      JSONValue.Member("format", .string(Self.manifestFormat)),
      JSONValue.Member("files", .array(files)),
      JSONValue.Member("complete", .bool(isComplete)),
      JSONValue.Member("missing", .array(missing.map { .string($0.service) })),
      JSONValue.Member("services", .array(services)),
    ])
    return Array((document.document + "\n").utf8)
  }
}
