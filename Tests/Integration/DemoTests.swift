internal import Foundation
internal import Pipeline
internal import TestSupport
internal import Testing

extension Integration {
  @Suite("The demo")
  struct DemoTests {
    @Test("runs to the end on invented data, and its report says what was promised and was kept")
    func wholeDemo() async throws {
      try await withTemporaryDirectory { directory in
        let output = directory.appending(path: "demo")
        let outcome = try await Program.run(
          "tacit",
          ["demo", "--synthetic", "--synthetic-rows", "3000", "--output", output.path],
          scratch: directory)
        // Whatever became of it, none of its services may stay.
        try await Stack(root: output.appending(path: "stack")).stop(graceMs: 3_000)
        try #require(outcome.status == 0, "\(outcome)")
        try checkFigures(output.appending(path: "report.json"))
        try checkPage(output.appending(path: "report.html"))
        #expect(try IdentifierSweep(root: output).count("@example.com") == 0)
      }
    }

    private func checkFigures(_ url: URL) throws {
      let object = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
      let report = try #require(object as? [String: Any])
      func figure(_ name: String) throws -> Double {
        try #require((report[name] as? NSNumber)?.doubleValue, "report.json has \(name)")
      }
      let read = try figure("rows_read")
      #expect(read == 3_000)
      #expect(try figure("rows_accepted") + figure("rows_refused") == read)
      #expect(try figure("rows_accepted") > 0)
      #expect(try figure("customers") > 0)
      #expect(try (1...figure("customers")).contains(figure("receipts")))
      #expect(try figure("features_withheld") > 0)
      #expect(try figure("epsilon_spent") > 0)
      #expect(try figure("epsilon_spent") <= figure("epsilon_limit"))
      #expect((report["overspend_refused"] as? Bool) == true)
      for name in [
        "recall_at_20_all", "recall_at_20_new", "popularity_recall_at_20_all",
        "popularity_recall_at_20_new",
      ] {
        #expect(try (0...1).contains(figure(name)), "\(name)")
      }
      #expect(try figure("recall_at_20_all") > 0)
      #expect(try figure("withdraw_to_silence_ms") >= 0)
      #expect(try figure("personal_answers_after_withdrawal") == 0)
      #expect(try figure("erase_features_readable") == 0)
      #expect(try figure("identifiers_found_in_files") == 0)
      #expect(try figure("recommend_p50_ms") > 0)
      #expect(try figure("recommend_p50_ms") <= figure("recommend_p99_ms"))
      #expect(try figure("seconds_total") > 0)
      #expect((report["data"] as? String)?.contains("SYNTHETIC") == true)
    }

    private func checkPage(_ url: URL) throws {
      let page = try String(contentsOf: url, encoding: .utf8)
      #expect(page.contains("SYNTHETIC"))
      // Nothing is fetched from elsewhere when somebody opens it.
      #expect(!page.contains("http://") && !page.contains("https://") && !page.contains("src=\"//"))
    }
  }
}
