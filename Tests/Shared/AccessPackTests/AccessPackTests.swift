internal import AccessPack
internal import DynamicMessages
internal import Foundation
internal import PrivacyCore
internal import TestSupport
internal import Testing

@Suite("The pack of an access request")
struct AccessPackTests {
  private static let pid = PseudonymousID(bytes: [UInt8](repeating: 7, count: 32))

  private static func part(_ service: String, _ lines: [String]) -> AccessPart {
    AccessPart(
      service: service, lines: lines, note: Array("note of \(service)\n".utf8),
      proof: Array("proof\n".utf8), salt: [1, 2], content: [3])
  }

  private static func line(_ service: String, _ text: String, section: String = "things") -> String
  {
    JSONValue.object([
      JSONValue.Member("section", .string("\(service).\(section)")),
      JSONValue.Member(
        "record", .object([JSONValue.Member("text", .string(text))])),
    ]).line
  }

  private func pack(
    _ text: String = "held", count: Int = 1, missing: [String] = [], ticket: String = "DSR-1"
  ) throws -> AccessPack {
    try AccessPack(
      madeAt: Timestamp(seconds: 1_768_048_496), ticket: ticket,
      pids: [try #require(Self.pid)],
      parts: AccessPack.services.filter { !missing.contains($0) }.map { service in
        Self.part(service, (0..<count).map { _ in Self.line(service, text) })
      },
      missing: AccessPack.services.filter(missing.contains).map {
        AccessPack.Missing(service: $0, reason: "it is asleep")
      })
  }

  // MARK: - access.json

  @Test(
    "is one JSON document, and read again as it was",
    arguments: [
      "held", "", "\"\\\n\u{1}\u{9F}", "},{\"section\"", "],\"statement\":{}", "žluťoučký",
    ])
  func roundTrip(text: String) throws {
    for missing in [[], ["features", "trainer"]] {
      let pack = try pack(text, count: 3, missing: missing, ticket: "\"\\ ]}")
      #expect(try AccessPack(json: pack.json) == pack)
      let document = try JSONSerialization.jsonObject(with: Data(pack.json)) as? [String: Any]
      let parts = try #require(document?["parts"] as? [[String: Any]])
      #expect(parts.count == 5 - missing.count)
      #expect(document?["complete"] as? Bool == missing.isEmpty)
      let held = try #require(parts.first?["held"] as? [[String: Any]])
      #expect((held.first?["record"] as? [String: Any])?["text"] as? String == text)
    }
  }

  @Test("the fuzzer begins with a pack that is read")
  func corpus() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fuzz/Corpus/formats/pack")
    let bytes = [UInt8](try Data(contentsOf: file)).dropFirst(2)
    let pack = try AccessPack(json: Array(bytes))
    #expect(pack.isComplete && pack.parts.allSatisfy { $0.lines.count == 2 })
  }

  @Test("cut or changed anywhere is refused, or another pack")
  func changes() throws {
    let pack = try pack()
    let json = pack.json
    for length in 0..<json.count {
      #expect(throws: AccessFault.self) { try AccessPack(json: Array(json[..<length])) }
    }
    for position in json.indices {
      var changed = json
      changed[position] ^= 1
      if let other = try? AccessPack(json: changed) { #expect(other != pack) }
    }
    for more in ["\n", " ", "{}"] {
      #expect(throws: AccessFault.self) { try AccessPack(json: json + Array(more.utf8)) }
    }
  }

  @Test("neither leaves a service out in silence nor has one twice")
  func services() throws {
    let pid = try #require(Self.pid)
    let parts = AccessPack.services.map { Self.part($0, []) }
    func make(_ parts: [AccessPart], _ missing: [AccessPack.Missing] = []) throws {
      _ = try AccessPack(
        madeAt: Timestamp(seconds: 0), ticket: "t", pids: [pid], parts: parts, missing: missing)
    }
    try make(parts)
    #expect(throws: AccessFault.self) { try make(Array(parts.dropLast())) }
    #expect(throws: AccessFault.self) { try make(parts + parts.suffix(1)) }
    #expect(throws: AccessFault.self) { try make(parts.reversed()) }
    let gone = AccessPack.Missing(service: "vectors", reason: "asleep")
    try make(Array(parts.dropLast()), [gone])
    #expect(throws: AccessFault.self) { try make(parts, [gone]) }
    #expect(throws: AccessFault.self) {
      try make(Array(parts.dropLast()), [AccessPack.Missing(service: "other", reason: "")])
    }
  }

  @Test(
    "is about 1 to 1,024 pids", arguments: [(0, false), (1, true), (1_024, true), (1_025, false)])
  func pids(count: Int, isAccepted: Bool) throws {
    let pid = try #require(Self.pid)
    let parts = AccessPack.services.map { Self.part($0, []) }
    let pack = try? AccessPack(
      madeAt: Timestamp(seconds: 0), ticket: "t", pids: Array(repeating: pid, count: count),
      parts: parts)
    #expect((pack != nil) == isAccepted)
  }

  // MARK: - access.html

  @Test("the page escapes whatever a record, a ticket or a reason says, and has no script")
  func escaping() throws {
    let evil = "<script>alert('x')</script>&\"\u{202E}\u{1B}[31m"
    let pack = try pack(evil, missing: ["trainer"], ticket: "<b>")
    let page = String(decoding: try pack.page(), as: UTF8.self)
    #expect(!page.contains("<script") && !page.contains("<b>"))
    #expect(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;"))
    #expect(!page.unicodeScalars.contains("\u{202E}") && !page.unicodeScalars.contains("\u{1B}"))
    #expect(page.contains("default-src 'none'"))
    #expect(page.contains("not complete") && page.contains("it is asleep"))
  }

  @Test("the page says what a schema's word means, and shows other texts as they are")
  func words() throws {
    for (text, shown) in [
      ("CHECK_REASON_NEVER_ASKED", "<td>never asked</td>"),
      ("RECEIPT_KIND_GRANT", "<td>grant</td>"),
      ("RECEIPT_KIND_GRANT!", "<td>RECEIPT_KIND_GRANT!</td>"), ("ANN_KIND", "<td>ANN_KIND</td>"),
    ] {
      let page = String(decoding: try pack(text).page(), as: UTF8.self)
      #expect(page.contains(shown), "\(text)")
    }
  }

  @Test("the page shows 1,000 records of a section and says how many more there are")
  func pageLimit() throws {
    #expect(!String(decoding: try pack(count: 1_000).page(), as: UTF8.self).contains("more are in"))
    let page = String(decoding: try pack(count: 1_001).page(), as: UTF8.self)
    #expect(page.contains("1 more are in access.json, under vault.things"))
  }

  @Test(
    "a line that is no record of its service is refused",
    arguments: [
      "", "{}", "[]", "{\"section\":\"consent.x\",\"record\":{}}",
      "{\"section\":\"vault.x\",\"record\":[]}", "{\"section\":\"vault.x\",\"record\":{} }",
      "{\"section\":\"vault.x\",\"record\":{},\"more\":1}", "{\"record\":{},\"section\":1}",
    ])
  func records(line: String) throws {
    #expect(throws: AccessFault.self) { try Self.part("vault", [line]).sections() }
    #expect(throws: AccessFault.self) {
      try AccessPack(
        madeAt: Timestamp(seconds: 0), ticket: "t", pids: [try #require(Self.pid)],
        parts: AccessPack.services.map { Self.part($0, $0 == "vault" ? [line] : []) }
      ).page()
    }
  }

  // MARK: - Text and note

  @Test("what a service holds has a limit in bytes")
  func textLimit() throws {
    var measure = HeldText()
    try measure.add("vault.x", [JSONValue.Member("a", .string("b"))])
    let byteCount = measure.bytes.count
    var fits = HeldText(limit: byteCount)
    try fits.add("vault.x", [JSONValue.Member("a", .string("b"))])
    #expect(fits.bytes == measure.bytes && fits.lineCount == 1)
    var tooSmall = HeldText(limit: byteCount - 1)
    #expect(throws: AccessFault.tooLarge(byteCount: byteCount, limit: byteCount - 1)) {
      try tooSmall.add("vault.x", [JSONValue.Member("a", .string("b"))])
    }
  }

  @Test("an answer without its last line feed, or that is not UTF-8, is no part")
  func cutText() {
    for text in [[], Array("{}".utf8), [0xFF, 0x0A]] as [[UInt8]] {
      #expect(throws: AccessFault.self) {
        try AccessPart(service: "vault", text: text, note: [], proof: [], salt: [], content: [])
      }
    }
  }

  @Test("a note has one text, and no other text is one")
  func note() throws {
    let note = try HoldingsNote(
      origin: "tacit/vault/00", service: "vault", pids: [try #require(Self.pid)], entry: 4,
      atUs: 5, lineCount: 6, linesHash: [UInt8](repeating: 1, count: 32))
    #expect(HoldingsNote(text: note.text) == note)
    for change in [
      ("entry 4", "entry 04"), ("v1\n", "v2\n"), ("time 5", "time +5"), ("\n", "\r\n"),
    ] {
      #expect(HoldingsNote(text: note.text.replacing(change.0, with: change.1)) == nil)
    }
    #expect(HoldingsNote(text: note.text + "\n") == nil)
  }

  // MARK: - Files

  @Test("files are their owner's alone, and a directory with anything in it is refused")
  func files() async throws {
    try await withTemporaryDirectory { directory in
      let pack = try pack()
      let url = directory.appending(path: "pack")
      let target = AccessDirectory(url)
      try target.prepare()
      try target.prepare()
      try target.write(pack)
      let files = FileManager.default
      for (path, mode) in [("", 0o700)] + AccessDirectory.names.map({ ($0, 0o600) }) {
        let attributes = try files.attributesOfItem(atPath: url.appending(path: path).path)
        #expect(attributes[.posixPermissions] as? Int == mode, "\(path)")
      }
      let read = try target.read()
      #expect(read.json == pack.json)
      #expect(try read.page == pack.page() && read.manifest == pack.manifest())
      #expect(throws: AccessFault.self) { try target.prepare() }
      #expect(throws: AccessFault.self) { try target.write(pack) }
      try files.removeItem(at: url.appending(path: "manifest.json"))
      #expect(throws: AccessFault.self) { try target.read() }
    }
  }
}
