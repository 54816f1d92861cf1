internal import DynamicMessages
internal import PrivacyCore

extension AccessPack {
  /// The most records of a section that the page shows; `access.json` has all.
  package static let pageRecordCountMax = 1_000

  /// `access.html`: the pack for people. One page without scripts, and nothing in it is loaded from
  /// elsewhere; every text from a record is escaped.
  ///
  /// - Throws: `falsePart` for a part that cannot be read.
  package func page() throws(AccessFault) -> [UInt8] {
    var page = AccessPage()
    page.begin(self)
    for part in parts { try page.add(part) }
    page.end()
    return Array(page.html.utf8)
  }
}

/// The page as it grows.
private struct AccessPage {
  private(set) var html = ""

  private static let style = """
    body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
    table{border-collapse:collapse;margin:.3rem 0 1rem}
    th,td{border:1px solid #ccc;padding:.15rem .5rem;text-align:left;vertical-align:top}
    td{overflow-wrap:anywhere}th{font-weight:normal;color:#555;white-space:nowrap}
    .missing{border:2px solid #b00;padding:.5rem 1rem}
    """

  mutating func begin(_ pack: AccessPack) {
    html += """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <title>What is held about you</title>
      <style>
      \(Self.style)
      </style></head><body>
      <h1>What is held about you</h1>
      <p>Gathered on \(Self.escaped(pack.madeAt.description)) under ticket \
      \(Self.escaped(pack.ticket)), by your right of access (GDPR article 15). The file access.json \
      holds the same in a form that other programs read (article 20).</p>

      """
    if !pack.missing.isEmpty {
      html += "<div class=\"missing\"><p>This pack is not complete. Nothing is in it of:</p><ul>\n"
      for missing in pack.missing {
        html += "<li>\(Self.escaped(missing.service)): \(Self.escaped(missing.reason))</li>\n"
      }
      html += "</ul></div>\n"
    }
    html += "<p>You are known by \(pack.pids.count == 1 ? "this code" : "these codes"):</p><ul>\n"
    for pid in pack.pids { html += "<li><code>\(pid)</code></li>\n" }
    html += "</ul>\n"
  }

  mutating func add(_ part: AccessPart) throws(AccessFault) {
    if let service = AccessSection.services[part.service] {
      html += "<h2>\(Self.escaped(service.title))</h2>\n<p>\(Self.escaped(service.text))</p>\n"
    }
    for (name, records) in try part.sections() {
      let section = AccessSection.named(name)
      html += "<h3>\(Self.escaped(section.title)) (\(records.count))</h3>\n"
      if !section.text.isEmpty { html += "<p>\(Self.escaped(section.text))</p>\n" }
      for record in records.prefix(AccessPack.pageRecordCountMax) { add(record, named: "") }
      if records.count > AccessPack.pageRecordCountMax {
        html += """
          <p>\(records.count - AccessPack.pageRecordCountMax) more are in access.json, under \
          \(Self.escaped(name)).</p>

          """
      }
    }
  }

  mutating func end() {
    html += """
      <h2>Your rights</h2>
      <ul>
      <li>To take consent back at any time, for each purpose: see how above, under your receipts \
      (article 7).</li>
      <li>To have what is wrong put right (article 16), and to be erased (article 17).</li>
      <li>To have use restricted while something is being cleared up (article 18), and to object \
      (article 21).</li>
      <li>To take your data elsewhere: hand on access.json (article 20).</li>
      <li>To complain to a supervisory authority (article 77).</li>
      </ul>
      <p>Answer under the ticket above to use any of them. Whoever receives your data stands in your \
      receipts and among the systems that were told; no automatic decision with legal effect is made \
      here (article 22).</p>
      </body></html>

      """
  }

  // MARK: - Values

  private mutating func add(_ value: JSONValue, named name: String) {
    switch value {
    case .object(let members):
      html += "<table>\n"
      for member in members {
        html += "<tr><th>\(Self.escaped(Self.words(member.name)))</th><td>"
        add(member.value, named: member.name)
        html += "</td></tr>\n"
      }
      html += "</table>\n"
    case .array(let elements): add(list: elements, named: name)
    case .string(let text): html += Self.escaped(Self.plain(text))
    case .number(let number): html += Self.escaped(Self.time(number, named: name) ?? number)
    case .bool(let isTrue): html += isTrue ? "yes" : "no"
    case .null: html += "nothing"
    }
  }

  private mutating func add(list elements: [JSONValue], named name: String) {
    for (index, element) in elements.enumerated() {
      if case .object = element {
      } else if index > 0 {
        html += ", "
      }
      add(element, named: name)
    }
  }

  /// `event_time_us` as `event time`.
  private static func words(_ name: String) -> String {
    let name = name.hasSuffix("_us") ? String(name.dropLast(3)) : name
    return name.replacing("_", with: " ")
  }

  /// What begins the values of the schemas' enums.
  private static let valuePrefixes = [
    "ACTOR_KIND_", "CHECK_REASON_", "IDENTIFIER_KIND_", "LEGAL_BASIS_", "PURPOSE_DECISION_",
    "RECEIPT_KIND_", "REIDENTIFICATION_STATE_",
  ]

  /// `CHECK_REASON_NEVER_ASKED` as `never asked`; any other text as it is.
  private static func plain(_ text: String) -> String {
    guard let prefix = valuePrefixes.first(where: text.hasPrefix),
      text.utf8.allSatisfy({
        (0x41...0x5A).contains($0) || $0 == 0x5F || (0x30...0x39).contains($0)
      })
    else { return text }
    return text.dropFirst(prefix.count).lowercased().replacing("_", with: " ")
  }

  /// A number of microseconds as a date and time.
  private static func time(_ number: String, named name: String) -> String? {
    guard name.hasSuffix("_us"), !name.hasSuffix("after_us"), let microseconds = Int64(number)
    else { return nil }
    return Timestamp(microseconds: microseconds).description
  }

  /// Text as HTML shows it, in elements and in attributes.
  static func escaped(_ text: String) -> String {
    var html = ""
    html.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": html += "&amp;"
      case "<": html += "&lt;"
      case ">": html += "&gt;"
      case "\"": html += "&quot;"
      case "'": html += "&#39;"
      // Nothing that a browser or a terminal would obey, and no change of direction.
      case "\0"..<" ", "\u{7F}"..."\u{9F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
        html += " "
      default: html.unicodeScalars.append(scalar)
      }
    }
    return html
  }
}
