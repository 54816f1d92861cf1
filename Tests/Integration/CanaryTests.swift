internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import Testing

extension Integration {
  @Suite("Raw identifiers")
  struct CanaryTests {
    private struct Canary {
      let kind: String
      let value: String
      let arguments: [String]
      let qualifier: String
      /// What may be nowhere below the stack.
      let traces: [String]
    }

    private static let canaries = [
      Canary(
        kind: "email", value: "Ann.Canary@Example.com", arguments: ["--email"], qualifier: "",
        traces: ["nn.canary", "nn.Canary", "@example.com", "@Example.com"]),
      Canary(
        kind: "phone", value: "030 901820123", arguments: ["--region", "DE", "--phone"],
        qualifier: "DE", traces: ["30901820123", "901820123", "030 901820"]),
      Canary(
        kind: "customer_number", value: "qx-4711-0815",
        arguments: ["--qualifier", "shop", "--customer-number"], qualifier: "shop",
        traces: ["qx-4711-0815", "QX-4711-0815", "4711-0815"]),
    ]

    @Test("of any kind are in no file of any service after ingest, reading, export and erasure")
    func nowhere() async throws {
      struct Answer: Decodable {
        struct Entry: Decodable { let pid: String }
        let pseudonyms: [Entry]
      }
      try await withStack { live in
        _ = try await Shop.open(live, peopleCount: 1)
        var pids: [String] = []
        for (index, canary) in Self.canaries.enumerated() {
          let answer = try await live.run(
            "tacit-vault",
            ["pseudonymize", "--create", "--json"] + canary.arguments + ["-"],
            input: canary.value + "\n")
          let pid = try #require(answer.json(Answer.self).pseudonyms.first).pid
          pids.append(pid)
          let receipt = Shop.receipt(
            pid: pid, consentID: "\(ConsentID(at: SystemTime().now, random: SystemRandom()))",
            scopes: Shop.scopes)
          try await live.done(
            "tacit-consent", "import", "-", "--format", "jsonl", input: receipt + "\n")
          try await ingest(canary, index, live)
        }
        for pid in pids {
          let read = try await live.done(
            "tacit-features", "get", "--pid", pid, "purchases:lines", "--json")
          #expect(read.output.contains("\"value\" : 2"), "\(read)")
        }
        try await live.done(
          "tacit-consent", "erase", "--pid", pids[0], "--ground", "gdpr-17-1-b", "--yes")
        for service in ["consent", "vault", "features", "trainer", "vectors"] {
          try await live.done("tacit-\(service)", "verify")
        }
        for canary in Self.canaries {
          for trace in canary.traces {
            for folder in ["stack", "ingest"] {
              let sweep = IdentifierSweep(root: live.directory.appending(path: folder))
              #expect(try sweep.count(trace) == 0, "\(folder) holds a \(canary.kind)")
            }
          }
        }
        // The sweep finds what is there.
        let sweep = IdentifierSweep(root: live.directory.appending(path: "stack"))
        #expect(try sweep.count("tacit-root-key") == 5)
      }
    }

    /// Two orders of one person, and two rows that bring identifiers where none belong.
    private func ingest(_ canary: Canary, _ index: Int, _ live: LiveStack) async throws {
      let qualifier = canary.qualifier.isEmpty ? "" : "\n  qualifier: \(canary.qualifier)"
      let mapping = try live.file(
        "mapping-\(index).yaml",
        """
        source: retail_orders
        format: jsonl
        identifier:
          kind: \(canary.kind)
          value: "{who}"\(qualifier)
        scope: product_recs
        time: "{when}"
        event_id: "{#file}:{#line}"
        fields:
          - {name: item, from: "{item}"}
          - {name: country, from: "{country}"}

        """)
      func row(who: String, item: String = "20001") -> String {
        "{\"who\":\"\(who)\",\"when\":\"2026-05-01T10:00:00Z\",\"item\":\"\(item)\","
          + "\"country\":\"Germany\"}\n"
      }
      let rows =
        row(who: canary.value) + row(who: canary.value)
        + row(who: canary.value, item: "Ann.Canary@Example.com")
        + row(who: "x \(canary.value) x")
      let outcome = try await live.done(
        "tacit", "ingest", "--mapping", mapping, "--work",
        live.directory.appending(path: "ingest").path, try live.file("rows-\(index).jsonl", rows))
      for trace in canary.traces { #expect(!outcome.text.contains(trace), "\(outcome)") }
    }
  }
}
