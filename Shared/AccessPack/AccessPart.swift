package import DynamicMessages
internal import PrivacyCore

/// What one service holds of a person, with what it signed of it.
package struct AccessPart: Hashable, Sendable {
  /// The service: `consent`.
  package let service: String
  /// The lines, without their line feeds, as the service wrote them.
  package let lines: [String]
  /// The signed note over the lines.
  package let note: [UInt8]
  /// That the log has the access.
  package let proof: [UInt8]
  /// What opens the access's entry.
  package let salt: [UInt8]
  /// What the entry says.
  package let content: [UInt8]

  package init(
    service: String, lines: [String], note: [UInt8], proof: [UInt8], salt: [UInt8],
    content: [UInt8]
  ) {
    self.service = service
    self.lines = lines
    self.note = note
    self.proof = proof
    self.salt = salt
    self.content = content
  }

  /// The part of a service's whole answer.
  ///
  /// - Throws: `falsePart` where the text does not consist of lines of UTF-8.
  package init(
    service: String, text: [UInt8], note: [UInt8], proof: [UInt8], salt: [UInt8],
    content: [UInt8]
  ) throws(AccessFault) {
    guard text.last == 0x0A, let whole = String(validating: text, as: UTF8.self) else {
      throw .falsePart(service: service, reason: "it is cut off, or not UTF-8")
    }
    self.init(
      service: service,
      lines: whole.utf8.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false).map {
        String(Substring($0))
      }, note: note, proof: proof, salt: salt, content: content)
  }

  /// The lines as they were signed, each with its line feed.
  var text: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(lines.reduce(0) { $0 + $1.utf8.count + 1 })
    for line in lines {
      bytes.append(contentsOf: line.utf8)
      bytes.append(0x0A)
    }
    return bytes
  }

  /// The records by section, in the order in which the sections begin.
  ///
  /// - Throws: `falsePart` for a line that is none of such a text.
  package func sections() throws(AccessFault) -> [(name: String, records: [JSONValue])] {
    var sections: [(name: String, records: [JSONValue])] = []
    var places: [String: Int] = [:]
    for (index, line) in lines.enumerated() {
      guard let value = try? JSONParser.parse(Array(line.utf8), limit: .max),
        case .object(let members) = value, members.count == 2,
        case .string(let name)? = value["section"], let record = value["record"],
        case .object = record, name.hasPrefix(service + "."), value.line == line
      else {
        throw .falsePart(service: service, reason: "line \(index + 1) is no record")
      }
      if let place = places[name] {
        sections[place].records.append(record)
      } else {
        places[name] = sections.count
        sections.append((name, [record]))
      }
    }
    return sections
  }

  /// The statement as it stands in `access.json`.
  var statement: JSONValue {
    .object([
      JSONValue.Member("note", .string(String(decoding: note, as: UTF8.self))),
      JSONValue.Member("proof", .string(String(decoding: proof, as: UTF8.self))),
      JSONValue.Member("salt", .string(Base64.encode(salt))),
      JSONValue.Member("content", .string(Base64.encode(content))),
    ])
  }
}
