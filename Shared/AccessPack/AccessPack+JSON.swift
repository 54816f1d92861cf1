internal import DynamicMessages
internal import PrivacyCore

extension AccessPack {
  /// The most bytes of `access.json` that are read: five services at their limit.
  package static let jsonByteCountMax = 5 * (HeldText.byteCountMax + (2 << 20))

  private static let partsMark = ",\"parts\":["

  /// `access.json`: one JSON document in which every record has a line of its own, so that what a
  /// service signed can be taken out byte by byte.
  package var json: [UInt8] {
    var bytes = Array(head.line.utf8.dropLast())
    func add(_ text: String) { bytes.append(contentsOf: text.utf8) }
    add(Self.partsMark + "\n")
    for (index, part) in parts.enumerated() {
      add("{\"service\":\"\(part.service)\",\"held\":[\n")
      for (number, line) in part.lines.enumerated() {
        add(line)
        add(number + 1 < part.lines.count ? ",\n" : "\n")
      }
      add("],\"statement\":\(part.statement.line)}")
      add(index + 1 < parts.count ? ",\n" : "\n")
    }
    add("]}\n")
    return bytes
  }

  private var head: JSONValue {
    .object([
      JSONValue.Member("format", .string(Self.format)),
      JSONValue.Member("made_at", .string(madeAt.description)),
      JSONValue.Member("ticket", .string(ticket)),
      JSONValue.Member("pids", .array(pids.map { .string($0.description) })),
      JSONValue.Member("complete", .bool(isComplete)),
      JSONValue.Member(
        "missing",
        .array(
          missing.map {
            .object([
              JSONValue.Member("service", .string($0.service)),
              JSONValue.Member("reason", .string($0.reason)),
            ])
          })),
    ])
  }

  /// Reads an `access.json` that `json` gave. There is one text for each pack; any other is refused.
  package init(json bytes: [UInt8]) throws(AccessFault) {
    guard bytes.count <= Self.jsonByteCountMax else {
      throw .tooLarge(byteCount: bytes.count, limit: Self.jsonByteCountMax)
    }
    var reader = LineCursor(bytes)
    guard var first = reader.next(), first.hasSuffix(Self.partsMark) else {
      throw .malformed("access.json does not begin as one")
    }
    first.removeLast(Self.partsMark.count)
    let head = try Self.object(first + "}", "the first line of access.json")
    guard case .string(Self.format)? = head["format"],
      case .string(let madeAt)? = head["made_at"], let madeAt = Timestamp(rfc3339: madeAt),
      case .string(let ticket)? = head["ticket"], case .array(let pids)? = head["pids"],
      case .array(let missing)? = head["missing"]
    else { throw .malformed("the first line of access.json") }
    var parts: [AccessPart] = []
    while let line = reader.next(), line != "]}" {
      parts.append(try Self.part(beginning: line, &reader))
    }
    try self.init(
      madeAt: madeAt, ticket: ticket, pids: pids.compactMap(Self.pid), parts: parts,
      missing: missing.compactMap(Self.missing))
    guard json == bytes else { throw .malformed("access.json is not as Tacit writes it") }
  }

  private static func part(
    beginning line: String, _ reader: inout LineCursor
  ) throws(AccessFault) -> AccessPart {
    let opening = "{\"service\":\""
    let middle = "\",\"held\":["
    guard line.hasPrefix(opening), line.hasSuffix(middle) else {
      throw .malformed("a part of access.json does not begin as one")
    }
    let service = String(line.dropFirst(opening.count).dropLast(middle.count))
    guard services.contains(service) else {
      throw .malformed("access.json has a part of another service")
    }
    let closing = "],\"statement\":"
    var lines: [String] = []
    while let line = reader.next() {
      guard line.hasPrefix(closing) else {
        lines.append(line.hasSuffix(",") ? String(line.dropLast()) : line)
        continue
      }
      var text = line.dropFirst(closing.count)
      if text.hasSuffix(",") { text = text.dropLast() }
      let statement = try object(String(text.dropLast()), "the statement of \(service)")
      guard case .string(let note)? = statement["note"],
        case .string(let proof)? = statement["proof"],
        case .string(let salt)? = statement["salt"], let salt = Base64.decode(salt),
        case .string(let content)? = statement["content"],
        let content = Base64.decode(content)
      else { throw .malformed("the statement of \(service)") }
      return AccessPart(
        service: service, lines: lines, note: Array(note.utf8), proof: Array(proof.utf8),
        salt: salt, content: content)
    }
    throw .malformed("the part of \(service) has no end")
  }

  private static func object(_ text: String, _ what: String) throws(AccessFault) -> JSONValue {
    guard let value = try? JSONParser.parse(text), case .object = value else {
      throw .malformed(what)
    }
    return value
  }

  private static func pid(_ value: JSONValue) -> PseudonymousID? {
    guard case .string(let text) = value else { return nil }
    return PseudonymousID(text: text)
  }

  private static func missing(_ value: JSONValue) -> Missing? {
    guard case .string(let service)? = value["service"],
      case .string(let reason)? = value["reason"]
    else { return nil }
    return Missing(service: service, reason: reason)
  }
}

/// Takes text apart line by line.
private struct LineCursor {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The next line without its line feed; `nil` at the end, and where there is none.
  mutating func next() -> String? {
    guard position < bytes.count,
      let end = bytes[position...].firstIndex(of: 0x0A),
      let line = String(validating: bytes[position..<end], as: UTF8.self)
    else { return nil }
    position = end + 1
    return line
  }
}
