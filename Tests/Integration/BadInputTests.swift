internal import Foundation
internal import PrivacyCore
internal import Testing

extension Integration {
  @Suite("Bad input through the commands")
  struct BadInputTests {
    @Test("of receipts is refused line by line, by what is wrong, and the good line is recorded")
    func receiptLines() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 2)
        let pid = shop.people[0].pid
        func id(_ last: Int) -> String { "c_01KEMQ8VJ0A1B2C3D4E5F6G7H\(last)" }
        let good = Shop.receipt(pid: pid, consentID: id(1), scopes: ["analytics"])
        let lines = [
          Shop.receipt(pid: pid, consentID: id(2), scopes: ["no_such_scope"]),
          good.replacing(#/"expires_at":"[^"]*",/#, with: ""),
          Shop.receipt(pid: pid, consentID: id(3), scopes: ["analytics"], days: -1),
          good,
          Shop.receipt(pid: pid, consentID: id(1), scopes: ["product_recs"]),
          "{\"consent_id\":",
          good.replacing("hmac:sha256:\(pid)", with: "ann.canary@example.com"),
          Shop.receipt(pid: pid, consentID: id(4), scopes: []),
          good.replacing(
            "\"version\":1", with: "\"version\":1,\"note\":\"ann.canary@example.com\""),
        ]
        let file = try live.file("bad.jsonl", lines.joined(separator: "\n") + "\n")
        let outcome = try await live.run("tacit-consent", "import", file)
        #expect(outcome.status == 1)
        let rejects = try String(contentsOfFile: file + ".rejects.tsv", encoding: .utf8)
        let reasons = Dictionary(
          uniqueKeysWithValues: rejects.split(separator: "\n").dropFirst().map { line in
            let parts = line.split(separator: "\t", maxSplits: 2).map(String.init)
            return (parts[0], parts.count > 1 ? parts[1] : "")
          })
        // The text of each stands behind its reason, so that nothing is lost.
        for (number, line) in zip(1..., lines) where number != 4 {
          #expect(rejects.contains("\t\(line)\n"), "line \(number)")
        }
        #expect(reasons.keys.sorted() == ["1", "2", "3", "5", "6", "7", "8", "9"], "\(rejects)")
        for (line, word) in [
          "1": "scope", "2": "expiry", "3": "expir", "5": "id", "6": "byte 15", "7": "pid",
          "8": "scope",
        ] {
          #expect(reasons[line]?.contains(word) == true, "line \(line): \(reasons[line] ?? "")")
        }
        // What is said of them never repeats what stands in them.
        let said = reasons.values.joined() + outcome.text
        #expect(!said.contains("canary") && !said.contains(pid), "\(said)")
        let history = try await live.done("tacit-consent", "history", "--pid", pid)
        #expect(history.output.contains(id(1)) && !history.output.contains(id(2)))
      }
    }

    @Test("of a consent on the command line is refused in one sentence")
    func grants() async throws {
      try await withStack { live in
        let pid = try await Shop.open(live, peopleCount: 1).people[0].pid
        func grant(_ arguments: String...) -> [String] {
          ["grant", "--pid", pid, "--source", "test", "--notice-version", "1"] + arguments
        }
        try await expectRefused(
          live, "tacit-consent", grant("--scope", "no_such_scope", "--days", "9"), 1, "scope")
        try await expectRefused(
          live, "tacit-consent", grant("--scope", "analytics"), 2, "--until or --days")
        try await expectRefused(
          live, "tacit-consent", grant("--scope", "analytics", "--days", "0"), 2, "1...36500")
        try await expectRefused(
          live, "tacit-consent",
          grant("--scope", "analytics", "--from", "2026-02-01", "--until", "2026-01-01"), 1, "expir"
        )
        let id = "c_01KEMQ8VJ0A1B2C3D4E5F6G7H8"
        let first = grant(
          "--scope", "analytics", "--from", "2026-02-01", "--until", "2030-01-01", "--consent-id",
          id)
        #expect(try await live.run("tacit-consent", first).status == 0)
        #expect(try await live.run("tacit-consent", first).output.contains("recorded already"))
        try await expectRefused(
          live, "tacit-consent",
          grant(
            "--scope", "product_recs", "--from", "2026-02-01", "--until", "2030-01-01",
            "--consent-id", id), 1, "id")
        // Whoever takes an address for a pid must not find it in a log.
        for command in ["check", "history", "withdraw"] {
          let scope = command == "check" ? ["--scope", "analytics"] : []
          try await expectRefused(
            live, "tacit-consent", [command, "--pid", "ann.canary@example.com"] + scope, 2,
            "43 characters")
        }
        try await expectRefused(
          live, "tacit-consent", ["check", "--pid=ann.canary@example.com", "--scope", "analytics"],
          2, "43 characters")
        try await expectRefused(
          live, "tacit-features", ["get", "--pid", "+49 30 901820canary", "purchases:lines"], 2,
          "43 characters")
      }
    }

    @Test("is not what a pid that begins with a dash is taken for")
    func dashes() async throws {
      try await withStack { live in
        let pid = "-" + Base64URL.encode(SystemRandom().bytes(count: 32)).dropFirst()
        for arguments in [
          ["tacit-consent", "check", "--scope", "analytics"], ["tacit-vault", "show"],
          ["tacit-features", "get", "--pid", pid, "purchases:lines"],
          [
            "tacit-vectors", "recommend", "--collection", "items", "--history-feature", "a:b",
            "--scope", "analytics",
          ],
        ] {
          let outcome = try await live.run(
            arguments[0], Array(arguments.dropFirst()) + ["--pid", pid])
          #expect(outcome.status != 2, "\(arguments[0]): \(outcome)")
        }
      }
    }

    @Test("of identifiers is refused by number and reason, never with the identifier")
    func identifiers() async throws {
      try await withStack { live in
        for (kind, value) in [
          ("--email", "ann.canary@@example"), ("--email", "canary"), ("--phone", "12canary"),
          ("--phone", "030 1234567 canary"), ("--customer-number", ""),
        ] {
          try await expectRefused(
            live, "tacit-vault", ["pseudonymize", kind, value, "--create"], 1, "1:")
        }
        let file = try live.file(
          "identifiers.txt", "good@example.com\nann.canary@@example\n\nother@example.com\ncanary\n")
        let outcome = try await live.run("tacit-vault", "pseudonymize", file, "--create")
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("line 2:") && outcome.errors.contains("line 5:"))
        #expect(outcome.output.split(separator: "\n").count == 3, "the header and two pids")
        #expect(!outcome.text.contains("canary"), "\(outcome)")
        let json = try live.file(
          "identifiers.jsonl",
          "{\"kind\":\"email\"}\n{\"kind\":\"fax\",\"value\":\"canary\"}\n{\"kind\":\n")
        let lines = try await live.run("tacit-vault", "pseudonymize", json)
        #expect(lines.status == 1)
        for text in ["line 1: it has no value", "line 2: kind is not", "line 3: not JSON"] {
          #expect(lines.errors.contains(text), "\(lines)")
        }
        #expect(!lines.text.contains("canary"))
      }
    }

    @Test("of events, rows and views is refused by line and reason")
    func features() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 1)
        let person = shop.people[0]
        let stranger = Base64URL.encode(SystemRandom().bytes(count: 32))
        func event(
          _ id: String, pid: String? = nil, consent: String? = nil, time: String = "2026-05-01",
          fields: String = "{\"item\":\"20001\"}"
        ) -> String {
          "{\"pid\":\"\(pid ?? person.pid)\",\"consent_id\":\"\(consent ?? person.consentID)\","
            + "\"event_id\":\"\(id)\",\"time\":\"\(time)\",\"fields\":\(fields)}"
        }
        let events = [
          event("e1"), "{\"pid\":", event("e2", pid: "ann.canary@example.com"),
          event("e3", time: "yesterday"), event("e4", consent: "c_01KEMQ8VJ0A1B2C3D4E5F6G7H8"),
          event("e5", fields: "{\"item\":\"ann.canary@example.com\"}"),
          event("e6", fields: "{\"amount\":1e999}"),
          event("e7", fields: "{\"item\":\"+49 30 901820123\"}"),
          event("e8", pid: stranger),
        ]
        let file = try live.file("events.jsonl", events.joined(separator: "\n") + "\n")
        let outcome = try await live.run(
          "tacit-features", "write-events", "--source", "retail_orders", file)
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("1 written") && outcome.output.contains("8 refused"))
        for line in 2...9 { #expect(outcome.errors.contains("line \(line): "), "\(outcome)") }
        for text in ["canary", "901820123", stranger] {
          #expect(!outcome.text.contains(text), "\(outcome)")
        }
        #expect(outcome.errors.contains("line 4: a time is written"))
        #expect(outcome.errors.contains("line 5: no receipt in force"))

        func row(_ values: String, pid: String? = nil, view: String = "profile") -> [String] {
          [
            "write-row", "--view", view, "--pid", pid ?? person.pid, "--consent-id",
            person.consentID, values,
          ]
        }
        #expect(try await live.run("tacit-features", row("{\"score\":0.5}")).status == 0)
        try await expectRefused(
          live, "tacit-features", row("{\"score\":0.5}", pid: stranger), 1, "receipt")
        try await expectRefused(
          live, "tacit-features", row("{\"segment\":\"ann.canary@example.com\"}"), 1, "segment")
        try await expectRefused(live, "tacit-features", row("{\"score\":\"canary\"}"), 1, "score")
        try await expectRefused(live, "tacit-features", row("{\"no_such\":1}"), 1, "no_such")
        try await expectRefused(
          live, "tacit-features", row("{\"ann.canary@example.com\":1}"), 1, "feature")
        try await expectRefused(live, "tacit-features", row("canary"), 2, "JSON object")
        try await expectRefused(
          live, "tacit-features", row("{\"score\":1}", view: "no_view"), 1, "no view")

        for (yaml, text) in [
          ("views: [", "line"), ("views:\n  - name: v\n", "line"),
          (
            "views:\n  - name: v\n    entity: customer\n    features:\n"
              + "      - {name: f, type: float, scope: analytics}\n", "line 5"
          ),
          (
            "views:\n  - name: v\n    entity: customer\n    features:\n"
              + "      - {name: f, type: int}\n", "scope"
          ),
          (
            "views:\n  - name: purchases\n    entity: customer\n    features:\n"
              + "      - {name: lines, type: string, scope: analytics}\n", "cannot become string"
          ),
        ] {
          let file = try live.file("bad.yaml", yaml)
          try await expectRefused(live, "tacit-features", ["views", "apply", file], 1, text)
        }
        try await expectRefused(
          live, "tacit-features", ["views", "apply", "/no/such/file.yaml"], 1,
          "/no/such/file.yaml")
      }
    }

    @Test("of an export is listed by line and reason, and the good rows are taken")
    func export() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 1)
        let number = shop.people[0].number
        let file = try live.file(
          "bad.csv",
          """
          InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
          500001,20001,RED LANTERN,1,2026-05-01 10:00:00,2.50,\(number),Germany
          500001,20001,RED LANTERN,1,2026-05-01 10:00:00,2.50
          500001,20001,RED LANTERN,many,2026-05-01 10:00:00,2.50,\(number),Germany
          500001,20001,RED LANTERN,1,yesterday,2.50,\(number),Germany
          500001,20001,RED LANTERN,1,2026-05-01 10:00:00,2.50,,Germany
          500001,20001,RED LANTERN,1,2026-05-01 10:00:00,2.50,99999777,Germany
          500001,20001,RED LANTERN,1,2026-05-01 10:00:00,2.50,\(number),ann.canary@example.com
          500002,20002,BLUE TEACUP,1,2026-05-02 10:00:00,2.50,\(number),Germany

          """)
        let outcome = try await live.run("tacit", shop.ingestArguments(file))
        let rejects = try String(
          contentsOf: live.directory.appending(path: "ingest/bad.csv.rejects.csv"), encoding: .utf8)
        let lines = rejects.split(separator: "\n").dropFirst().map {
          $0.prefix { $0 != "," }
        }
        #expect(lines == ["3", "4", "5", "6", "7", "8"], "\(rejects)\(outcome)")
        #expect(!(rejects + outcome.text).contains("canary"), "\(rejects)")
        #expect(!(rejects + outcome.text).contains("99999777"), "\(rejects)")
        #expect(try await shop.servedLineCount() == 2)

        let noColumn = try live.file("columns.csv", "A,B\n1,2\n")
        try await expectRefused(
          live, "tacit", shop.ingestArguments(noColumn), 1, "no column CustomerID")
        try await expectRefused(
          live, "tacit", shop.ingestArguments("/no/such/file.csv"), 1, "/no/such/file.csv")
      }
    }

    @Test("of vectors is refused by line and reason")
    func vectors() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 1)
        try await live.done(
          "tacit-vectors", "collections", "create", "songs", "--dimension", "3", "--metric",
          "cosine", "--subject", "item")
        try await live.done(
          "tacit-vectors", "collections", "create", "tastes", "--dimension", "3", "--metric",
          "cosine", "--subject", "person", "--scope", "product_recs")
        let file = try live.file(
          "vectors.jsonl",
          """
          {"id":"a","vector":[0.1,0.2,0.3]}
          {"id":"b","vector":[NaN,0.2,0.3]}
          {"id":"c","vector":[1e999,0.2,0.3]}
          {"id":"d","vector":[0.1,0.2]}
          {"id":"e","vector":[0,0,0]}
          {"id":"f"}
          {"id":"","vector":[0.1,0.2,0.3]}

          """)
        let outcome = try await live.run(
          "tacit-vectors", "upsert", "--collection", "songs", file)
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("1 written, 6 refused"), "\(outcome)")
        for line in 2...7 { #expect(outcome.errors.contains("line \(line): "), "\(outcome)") }
        #expect(outcome.errors.contains("line 6: it has no vector"), "\(outcome)")

        let person = shop.people[0]
        let people = try live.file(
          "people.jsonl",
          """
          {"id":"\(person.pid)","vector":[0.1,0.2,0.3],"consent_id":"\(person.consentID)"}
          {"id":"\(Base64URL.encode(SystemRandom().bytes(count: 32)))","vector":[0.1,0.2,0.3],"consent_id":"\(person.consentID)"}
          {"id":"\(person.pid)","vector":[0.1,0.2,0.3]}
          {"id":"ann.canary@example.com","vector":[0.1,0.2,0.3],"consent_id":"\(person.consentID)"}

          """)
        let tastes = try await live.run(
          "tacit-vectors", "upsert", "--collection", "tastes", people)
        #expect(tastes.status == 1)
        #expect(tastes.output.contains("1 written, 3 refused"), "\(tastes)")
        #expect(!tastes.text.contains("canary"), "\(tastes)")

        func search(_ vector: String) -> [String] {
          ["search", "--collection", "songs", "--vector", vector]
        }
        #expect(try await live.run("tacit-vectors", search("[0.1,0.2,0.3]")).status == 0)
        try await expectRefused(live, "tacit-vectors", search("[0.1,0.2]"), 1, "2 numbers")
        try await expectRefused(live, "tacit-vectors", search("[0,0,0]"), 1, "zero")
        try await expectRefused(live, "tacit-vectors", search("[1e999,0,0]"), 1, "JSON array")
        try await expectRefused(live, "tacit-vectors", search("[NaN,0,0]"), 1, "JSON array")
        try await expectRefused(
          live, "tacit-vectors",
          ["search", "--collection", "nothing", "--vector", "[0.1,0.2,0.3]"], 1, "nothing")
        try await expectRefused(
          live, "tacit-vectors",
          [
            "collections", "create", "flat", "--dimension", "0", "--metric", "cosine", "--subject",
            "item",
          ],
          1, "dimension")
        try await expectRefused(
          live, "tacit-vectors", ["publish", "--model", "nobody", "--collection", "items"], 1,
          "no such model")
      }
    }

    @Test("of budgets and questions is refused in one sentence, and costs nothing")
    func budgets() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 3)
        func create(_ epsilon: String, _ delta: String) -> [String] {
          ["budget", "create", "--epsilon", epsilon, "--delta", delta] + Shop.budget
        }
        for epsilon in ["0", "-1", "inf", "-inf", "nan"] {
          try await expectRefused(live, "tacit-trainer", create(epsilon, "1e-6"), 1, "epsilon")
        }
        for delta in ["0", "1", "-0.5", "nan"] {
          try await expectRefused(live, "tacit-trainer", create("1", delta), 1, "delta")
        }
        try await expectRefused(live, "tacit-trainer", create("much", "1e-6"), 2, "--epsilon")
        try await shop.openBudget(epsilon: 1)
        try await expectRefused(live, "tacit-trainer", create("2", "1e-6"), 1, "budget")

        func query(_ epsilon: String) -> [String] {
          ["query", "--scope", "analytics", "--epsilon", epsilon] + Shop.budget
        }
        for epsilon in ["0", "-1", "inf", "nan"] {
          try await expectRefused(live, "tacit-trainer", query(epsilon), 1, "epsilon")
        }
        try await expectRefused(live, "tacit-trainer", query("1.5"), 1, "budget")
        try await expectRefused(
          live, "tacit-trainer",
          [
            "query", "--scope", "analytics", "--epsilon", "0.1", "--dataset", "nothing",
            "--purpose", "recommendations",
          ], 1, "budget")
        let budget = try await live.run(
          "tacit-trainer", ["budget", "show", "--json"] + Shop.budget)
        #expect(budget.output.contains("\"epsilon_spent\" : 0"), "\(budget)")
        #expect(try await live.run("tacit-trainer", query("0.2")).status == 0)
      }
    }

    /// A command is refused with this exit status and one sentence that has `text` and no
    /// identifier in it.
    private func expectRefused(
      _ live: LiveStack, _ program: String, _ arguments: [String], _ status: Int32, _ text: String,
      at location: SourceLocation = #_sourceLocation
    ) async throws {
      let outcome = try await live.run(program, arguments)
      let call = "\(program) \(arguments.joined(separator: " "))"
      #expect(outcome.status == status, "\(call): \(outcome)", sourceLocation: location)
      #expect(!outcome.wasKilled, "\(call)", sourceLocation: location)
      #expect(outcome.errors.contains(text), "\(call): \(outcome)", sourceLocation: location)
      if status == 1 {
        let lines = outcome.errors.split(separator: "\n")
        #expect(lines.count == 1, "\(call): \(outcome)", sourceLocation: location)
        #expect(
          (lines.first?.count ?? 0) > program.count + 10, "\(call): \(outcome)",
          sourceLocation: location)
      }
      #expect(!outcome.text.contains("canary"), "\(call): \(outcome)", sourceLocation: location)
    }
  }
}
