internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import Testing

extension Integration {
  @Suite("Files of receipts through the commands")
  struct ReceiptFileTests {
    private struct Imported: Decodable {
      let accepted: Int
      let duplicates: Int
      let rejected: Int
      let rejectsFile: String?

      enum CodingKeys: String, CodingKey {
        case accepted, duplicates, rejected
        case rejectsFile = "rejects_file"
      }
    }

    private struct Shown: Decodable {
      struct Receipt: Decodable {
        struct Details: Decodable {
          struct Actor: Decodable { let kind: String }
          let actor: Actor?
        }
        let kind: String
        let scopes: [String]
        let details: Details?
      }
      let receipt: Receipt
      let created: Bool
    }

    @Test("go in and out in every format, with what is refused in a file to be mended")
    func formats() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 3)
        func id(_ last: Int) -> String { "c_01KEMQ8VJ0A1B2C3D4E5F6G7H\(last)" }
        let row = { (number: Int, scopes: String) in
          "\(id(number)),hmac:sha256:\(shop.people[number].pid),\(scopes),2026-01-10T12:34:56Z,"
            + "2036-01-10T12:34:56Z,crm,3\n"
        }
        let header = "consent_id,user_id_hashed,scopes,granted_at,expires_at,source,version\n"
        let file = try live.file(
          "crm.csv",
          header + row(0, "marketing;analytics") + row(1, "telepathy") + row(2, "marketing"))
        let rejects = live.directory.appending(path: "refused.tsv").path
        let first = try await live.run(
          "tacit-consent", "import", file, "--rejects", rejects, "--json")
        #expect(first.status == 1, "\(first)")
        let counts = try first.json(Imported.self)
        #expect(counts.accepted == 2 && counts.duplicates == 0 && counts.rejected == 1)
        #expect(counts.rejectsFile == rejects)
        let list = try String(contentsOfFile: rejects, encoding: .utf8)
        let cells = list.split(separator: "\n").map { line in
          line.split(separator: "\t", maxSplits: 2).map(String.init)
        }
        #expect(cells.map { $0[0] } == ["line", "3"])
        #expect(cells[1][1].contains("telepathy"))
        let mended = cells.map { $0[2] + "\n" }.joined().replacing("telepathy", with: "analytics")
        let again = try await live.done(
          "tacit-consent", "import", "-", "--format", "csv", "--json", input: mended)
        #expect(try again.json(Imported.self).accepted == 1)
        // Again, and nothing is added.
        try await live.done(
          "tacit-consent", "import", try live.file("all.csv", mended), "--rejects", rejects)

        for format in ["jsonl", "seed-json", "csv"] {
          let output = live.directory.appending(path: "out.\(format)").path
          try await live.done("tacit-consent", "export", "--format", format, "--output", output)
          let back = try await live.done(
            "tacit-consent", "import", output, "--format", format, "--json")
          #expect(try back.json(Imported.self).duplicates == 6, "\(format)")
        }
        // Nothing says where data lies: left out, told, and written only where gaps are allowed.
        let strict = try await live.run("tacit-consent", "export", "--format", "ts27560")
        #expect(strict.status == 1 && strict.output.isEmpty)
        #expect(strict.errors.contains("storage_locations"), "\(strict.errors)")
        let loose = try await live.done(
          "tacit-consent", "export", "--format", "ts27560", "--allow-gaps")
        let lines = loose.output.split(separator: "\n")
        #expect(lines.count == 6)
        for line in lines {
          let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
          #expect(object?["@type"] as? String == "dpv:ConsentReceipt")
        }
        let unsure = try await live.run("tacit-consent", "import", try live.file("crm.txt", header))
        #expect(unsure.status == 2 && unsure.errors.contains("--format"), "\(unsure)")
      }
    }

    @Test("an issuer file that cannot be meant is refused before anything is served")
    func issuerFile() async throws {
      let directory = FileManager.default.temporaryDirectory
      for (text, word) in [
        ("{\"controler\":\"Muster AG\"}", "controler"), ("[]", "wrong type"),
        ("{\"storage_locations\":\"DE\"}", "storage_locations"), ("{", "JSON"),
      ] {
        let file = directory.appending(path: "issuer-\(UUID().uuidString).json")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let outcome = try await Program.run(
          "tacit-consent", ["serve", "--plain", "--issuer", file.path])
        #expect(outcome.status == 1, "\(outcome)")
        #expect(outcome.errors.contains(word), "\(outcome.errors)")
      }
    }

    @Test("with an issuer file, receipts go out in the form of ISO/IEC TS 27560 without a gap")
    func issued() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 1)
        try await live.done(
          "tacit-consent", "notices", "add",
          try live.file(
            "notice.json",
            """
            {"id":"shop","controller":"Muster AG","jurisdiction":"DE",
             "purposes":[{"purpose":"marketing","legal_basis":"consent"}],
             "texts":[{"language":"de","text":"Wir möchten …"}],
             "pii_categories":["purchases"],"recipients":[],"retention":"P2Y",
             "withdrawal_method":"https://muster.example/privacy"}
            """))
        try await live.done(
          "tacit-consent", "grant", "--pid", shop.people[0].pid, "--scope", "marketing", "--days",
          "365", "--source", "web-portal:v2", "--notice", "shop", "--notice-version", "1",
          "--language", "de")
        let lacking = try await live.run("tacit-consent", "export", "--format", "ts27560")
        #expect(lacking.status == 1 && lacking.output.isEmpty)
        let issuer = try live.file(
          "issuer.json",
          """
          {"controller":"Muster AG","jurisdiction":"DE","base_iri":"https://muster.example/consent/",
           "contact":"Data protection officer","email":"privacy@muster.example","phone":"+493012345",
           "street_address":"Musterweg 1, Berlin","country":"DE","url":"https://muster.example",
           "policy_url":"https://muster.example/privacy",
           "rights_url":"https://muster.example/rights","storage_locations":["DE"],
           "service":"Shop"}
          """)
        try await live.kill9(.consent)
        let process = try live.process(of: .consent)
        try await live.stack.restart(process.changing(["TACIT_ISSUER": issuer]))
        let exported = try await live.run(
          "tacit-consent", "export", "--format", "ts27560", "--after", "1")
        #expect(exported.status == 0, "\(exported)")
        let lines = exported.output.split(separator: "\n")
        #expect(lines.count == 1)
        for line in lines {
          let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
          #expect(object?["@type"] as? String == "dpv:ConsentReceipt")
          for word in ["Muster AG", "https://muster.example/rights", "DE"] {
            #expect(line.contains(word), "\(word): \(line)")
          }
        }
        let kantara = try await live.done(
          "tacit-consent", "export", "--format", "kantara", "--after", "1")
        #expect(kantara.output.contains("Muster AG"), "\(kantara)")
      }
    }

    @Test("signals of a browser: an opt-out is in force when the command returns")
    func signals() async throws {
      try await withStack { live in
        let pid = try await Shop.open(live, peopleCount: 1).people[0].pid
        try await live.done(
          "tacit-consent", "grant", "--pid", pid, "--scope", "marketing", "--days", "9", "--source",
          "test", "--notice-version", "1")
        let reply = try await live.done(
          "tacit-consent", "signal", "--pid", pid, "--gpc", "1", "--source", "shop", "--json"
        ).json(Shown.self)
        #expect(reply.created && reply.receipt.kind == "withdrawal")
        #expect(reply.receipt.scopes == ["marketing"])
        #expect(reply.receipt.details?.actor?.kind == "browser-signal")
        let check = try await live.run(
          "tacit-consent", "check", "--pid", pid, "--scope", "marketing")
        #expect(check.status == 1 && check.output.contains("withdrawn"), "\(check)")
        let silent = try await live.done("tacit-consent", "signal", "--pid", pid, "--gpc", "0")
        #expect(silent.output.contains("nothing was recorded"))

        // IAB's own example of a string, with its disclosed vendors: of the global scope.
        let string =
          "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAg"
          + "EAACEAAAAAgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw"
        let shown = try await live.done("tacit-consent", "tcf", "decode", string)
        #expect(shown.output.contains("CMP 27") && shown.output.contains("2, 6, 8"), "\(shown)")
        let json = try await live.done("tacit-consent", "tcf", "decode", string, "--json")
        let object =
          try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect(object?["purpose_consents"] as? [Int] == [1, 2, 3])
        #expect((object?["disclosed_vendors"] as? [String])?.contains("127-129") == true)
        #expect(try await live.run("tacit-consent", "tcf", "decode", "C!").status == 1)
        let refused = try await live.run(
          "tacit-consent", "signal", "--pid", pid, "--tcf", string)
        #expect(refused.status == 1 && refused.errors.contains("one service"), "\(refused)")
      }
    }
  }
}
