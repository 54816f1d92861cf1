internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import ServiceKit
internal import Testing

extension Integration {
  @Suite("Incident response")
  struct IncidentTests {
    private struct Status: Decodable {
      struct Version: Decodable {
        let state: String
      }
      let state: String
      let version: Int
      let remainingCount: Int
      let versions: [Version]

      enum CodingKeys: String, CodingKey {
        case state, version
        case remainingCount = "remaining_count"
        case versions
      }
    }

    private struct Window: Decodable {
      struct Line: Decodable {
        let action: String
      }
      let service: String
      let lines: [Line]
      let pids: [String]
      let logProblem: String?

      enum CodingKeys: String, CodingKey {
        case service, lines, pids
        case logProblem = "log_problem"
      }
    }

    /// A command of the runbook.
    private struct Step {
      let words: [String]
      /// The service must not run.
      let isStopped: Bool
    }

    /// The commands in the runbook's blocks, in their order.
    private func runbook() throws -> [Step] {
      let page = try String(
        contentsOf: Program.repository.appending(path: "docs/INCIDENT_RESPONSE.md"),
        encoding: .utf8)
      var steps: [Step] = []
      var block: Substring?
      for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
        if line.hasPrefix("```") {
          block = block == nil ? line.dropFirst(3) : nil
        } else if let block {
          try #require(block == "sh" || block == "sh stopped", "a block of the runbook: \(block)")
          steps.append(Step(words: words(line), isStopped: block == "sh stopped"))
        }
      }
      return steps
    }

    /// A line as a shell would take it apart; the runbook needs double quotes and no more.
    private func words(_ line: Substring) -> [String] {
      var words: [String] = []
      for (index, part) in line.split(separator: "\"", omittingEmptySubsequences: false)
        .enumerated()
      {
        if index.isMultiple(of: 2) {
          words += part.split(separator: " ").map(String.init)
        } else {
          words.append(String(part))
        }
      }
      return words
    }

    @Test("the runbook's commands, as they stand in it, do what it says")
    func rehearsal() async throws {
      try await withStack { live in
        try TrustDirectory.createCertificates(
          in: live.stack.identityDirectory, users: ["security/eve", "privacy/ben"])
        let start = SystemTime().now
        let shop = try await Shop.open(live, peopleCount: 30)
        try await live.done(
          "tacit-consent", "withdraw", "--pid", shop.people[0].pid, "--source", "test")
        let end = SystemTime().now.advanced(byMicroseconds: 1_000_000)
        try await Task.sleep(for: .seconds(1))
        let store = try #require(try live.process(of: .vault).environment["TACIT_STORE"])
        let names = [
          "FROM": "\(start)", "TO": "\(end)", "STORE": store,
          "BACKUP": live.directory.appending(path: "backup/vault").path,
        ]
        let steps = try runbook()
        #expect(steps.count == 10)
        var outputs: [String] = []
        for step in steps {
          let words = step.words.map { names[$0] ?? $0 }
          if step.isStopped { try await live.kill9(.vault) }
          // `--as` stands in the command itself.
          let outcome = try await live.run(words[0], Array(words.dropFirst()))
          try #require(outcome.status == 0, "\(words.joined(separator: " ")): \(outcome)")
          outputs.append(outcome.output)
          if step.isStopped { try await live.restart(.vault) }
        }
        #expect(outputs[1].contains("vault.record"), "\(outputs[1])")
        #expect(outputs[1].contains("consent.import"), "\(outputs[1])")
        #expect(outputs[1].contains("consent.withdraw"), "\(outputs[1])")
        #expect(!outputs[1].contains(shop.people[0].pid), "pids are counted, not listed")
        let listed = try JSONDecoder().decode([Window].self, from: Data(outputs[2].utf8))
        #expect(
          listed.map(\.service).sorted() == WellKnownService.allCases.map(\.rawValue).sorted())
        #expect(listed.contains { $0.pids.contains(shop.people[0].pid) })
        #expect(outputs[3].contains("version 1 is destroyed"), "\(outputs[3])")
        #expect(outputs[3].contains("Left to do by hand"), "\(outputs[3])")
        #expect(outputs[5].contains("compacted"), "\(outputs[5])")
        #expect(outputs[7].contains("nothing is wrong"), "\(outputs[7])")

        let status = try await status(live)
        #expect(status.state == "done")
        #expect(status.versions.map(\.state) == ["destroyed", "active"])
        let after = try JSONDecoder().decode([Window].self, from: Data(outputs[9].utf8))
        #expect(after.allSatisfy { $0.logProblem == nil && $0.pids.isEmpty })
        // The same people have the same pids, and their features can be read.
        let known = try await live.done(
          "tacit-vault", "pseudonymize", "--email", "-", input: shop.people[1].address + "\n")
        #expect(known.output.contains(shop.people[1].pid), "\(known)")
        try await live.done("tacit-vault", "show", "--pid", shop.people[1].pid)
      }
    }

    @Test("kill -9 in the middle of a rotation of any service: the next process goes on to the end")
    func killed() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 40)
        for service in [WellKnownService.vault, .consent] {
          let begun = try await live.done(
            service.programName, "rotation", "start", "--values-per-second", "50", "--json")
          #expect(try begun.json(Status.self).state == "running")
          let second = try await live.run(service.programName, "rotation", "start")
          #expect(second.status == 1 && second.errors.contains("values are left"), "\(second)")
          let early = try await live.run(
            service.programName, "rotation", "retire", "--version", "1", "--yes")
          #expect(early.status == 1, "\(early)")
          try await live.kill9(service)
          try await live.restart(service)
          try await eventually("\(service.rawValue) seals everything", limitSeconds: 60) {
            try await self.status(live, of: service).state == "done"
          }
          let status = try await status(live, of: service)
          #expect(status.version == 2 && status.remainingCount == 0)
          let bare = try await live.run(
            service.programName, "rotation", "retire", "--version", "1", "--yes")
          #expect(bare.status == 1 && bare.errors.contains("audit-signing"), "\(bare)")
          try await live.done(
            service.programName, "rotation", "retire", "--version", "1", "--yes", "--keep-derived")
          try await live.kill9(service)
          try await live.restart(service)
          try await live.done(service.programName, "verify")
        }
        let check = try await live.done(
          "tacit-consent", "check", "--pid", shop.people[0].pid, "--scope", "analytics")
        #expect(check.output.contains("granted"), "\(check)")
        let known = try await live.done(
          "tacit-vault", "pseudonymize", "--email", "-", input: shop.people[1].address + "\n")
        #expect(known.output.contains(shop.people[1].pid), "\(known)")
      }
    }

    private func status(
      _ live: LiveStack, of service: WellKnownService = .vault
    ) async throws -> Status {
      try await live.done(service.programName, "rotation", "status", "--json").json(Status.self)
    }
  }
}
