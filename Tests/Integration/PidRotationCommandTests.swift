internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import ServiceKit
internal import Testing

extension Integration {
  @Suite("Rotation of pid keys, by its commands")
  struct PidRotationCommandTests {
    private struct Status: Decodable {
      struct Pids: Decodable {
        let phase: String
        let renamings: Int
        let independent: Bool
        let waitsFor: [String]

        enum CodingKeys: String, CodingKey {
          case phase, renamings, independent
          case waitsFor = "waits_for"
        }
      }

      let version: Int
      let pids: Pids
    }

    private func status(_ live: LiveStack) async throws -> Status {
      try await live.done("tacit-vault", "rotation", "status", "--json").json(Status.self)
    }

    private func advance(_ live: LiveStack, to phase: String) async throws {
      var waits: [String] = []
      do {
        try await eventually("\(phase) may begin", limitSeconds: 60, pauseMs: 200) {
          waits = try await status(live).pids.waitsFor
          return waits.isEmpty
        }
      } catch {
        Issue.record("\(phase) waits: \(waits)")
        throw error
      }
      try await live.done(
        "tacit-vault", "rotation", "pids", "advance", phase, "--wait", as: "security-eve")
    }

    private struct Names: Decodable {
      struct Row: Decodable {
        let pid: String
        let otherPid: String?

        enum CodingKeys: String, CodingKey {
          case pid
          case otherPid = "other_pid"
        }
      }

      let pseudonyms: [Row]
    }

    /// The pids of a customer now.
    private func names(_ live: LiveStack, of person: Shop.Person) async throws -> Names.Row {
      let known = try await live.done(
        "tacit-vault", "pseudonymize", "--email", "-", "--json", "--both",
        input: person.address + "\n")
      return try #require(try known.json(Names.self).pseudonyms.first)
    }

    /// The pid that is given out for a customer now.
    private func pid(_ live: LiveStack, of person: Shop.Person) async throws -> String {
      try await names(live, of: person).pid
    }

    private func check(_ live: LiveStack, _ pid: String) async throws -> Bool {
      let outcome = try await live.run(
        "tacit-consent", "check", "--pid", pid, "--scope", "analytics")
      return outcome.status == 0 && outcome.output.contains("granted")
    }

    @Test("everybody gets another pid under kill -9 of each service, and no row or consent is lost")
    func wholeRotation() async throws {
      try await withStack { live in
        try TrustDirectory.createCertificates(
          in: live.stack.identityDirectory, users: ["security/eve"])
        let shop = try await Shop.open(live, peopleCount: 60)
        let ingested = try await live.run(
          "tacit", shop.ingestArguments(try shop.orders(linesPerPerson: 4)))
        try #require(ingested.status == 0, "\(ingested)")
        #expect(try await shop.servedLineCount() == 240)
        let (first, withdrawn, erased) = (shop.people[0], shop.people[1], shop.people[2])
        try await live.done("tacit-vault", "rotation", "start", "--wait", as: "security-eve")
        try await live.done(
          "tacit-vault", "rotation", "pids", "begin", "--independent", as: "security-eve")
        try await live.kill9(.vault)
        try await live.restart(.vault)
        try await advance(live, to: "dual-write")
        try await live.kill9(.consent)
        try await live.restart(.consent)
        #expect(try await pid(live, of: first) == first.pid)
        try await live.kill9(.features)
        try await live.restart(.features)
        try await advance(live, to: "dual-read")
        try await live.kill9(.vault)
        try await live.restart(.vault)
        try await eventually("the new pid is given out") {
          try await pid(live, of: first) != first.pid
        }
        let new = try await pid(live, of: first)
        #expect(try await names(live, of: first).otherPid == first.pid)
        for name in [first.pid, new] {
          try await eventually("consent holds under \(name)") { try await check(live, name) }
        }
        // By the former pid, and in force for both.
        try await live.done(
          "tacit-consent", "withdraw", "--pid", withdrawn.pid, "--source", "test")
        let withdrawnNew = try await pid(live, of: withdrawn)
        #expect(try await !check(live, withdrawnNew))
        #expect(try await !check(live, withdrawn.pid))
        try await live.done(
          "tacit-consent", "erase", "--pid", erased.pid, "--ground", "gdpr-17-1-b", "--source",
          "test", "--yes")
        #expect(try await shop.servedLineCount() == 232)
        try await advance(live, to: "retired")
        let after = try await status(live)
        #expect(after.version == 2 && after.pids.phase == "retired" && after.pids.independent)
        #expect(after.pids.renamings == 60)
        #expect(try await check(live, new))
        try await eventually("the former pid is nobody's") {
          try await !check(live, first.pid)
        }
        #expect(try await shop.servedLineCount() == 232)
        // The erased person's address comes once more, and is refused.
        let late = try await live.run(
          "tacit-vault", "pseudonymize", "--email", "-", "--create", input: erased.address + "\n")
        #expect(late.status == 1, "\(late)")
        for service in WellKnownService.allCases {
          try await live.done(service.programName, "verify")
        }
      }
    }
  }
}
