internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import ServiceKit
internal import Testing

extension Integration {
  @Suite("Erasure, from real processes")
  struct ErasureTests {
    private struct Erased: Decodable {
      let certified: Bool
      let missing: [String]
    }

    private struct Store: Decodable {
      let service: String
      let removed: UInt64
      let left: UInt64
      let subjectKey: String?

      enum CodingKeys: String, CodingKey {
        case service, removed, left
        case subjectKey = "subject_key"
      }
    }

    private struct Verified: Decodable {
      let stores: [Store]
      let models: [Model]

      struct Model: Decodable { let id: String }
    }

    /// The keys of all logs, as a policy's file.
    private func policy(_ live: LiveStack) async throws -> String {
      try live.file("policy.txt", try await live.done("tacit", "log", "policy").output)
    }

    private func erase(_ pid: String, _ live: LiveStack, certificate: String) async throws
      -> Erased
    {
      try await live.done(
        "tacit-consent", "erase", "--pid", pid, "--ground", "gdpr-17-1-b", "--yes", "--json",
        "--certificate", certificate, as: "privacy-dev"
      ).json(Erased.self)
    }

    @Test("a certificate names every store and model, and holds offline until it is changed")
    func certificate() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 20)
        try await shop.learn()
        let policy = try await policy(live)
        let file = live.directory.appending(path: "certificate.json")
        let erased = try await erase(shop.people[0].pid, live, certificate: file.path)
        #expect(erased.certified && erased.missing.isEmpty)
        for service in WellKnownService.allCases { try await live.kill9(service) }

        let verified = try await live.done(
          "tacit", "verify", "certificate", file.path, "--json", "--policy", policy
        ).json(Verified.self)
        #expect(
          verified.stores.map(\.service) == ["features", "trainer", "vault", "vectors"])
        #expect(verified.stores.allSatisfy { $0.left == 0 })
        #expect(verified.stores.first { $0.service == "features" }.map { $0.removed > 0 } == true)
        #expect(verified.stores.first { $0.service == "vault" }?.subjectKey == "destroyed")
        #expect(verified.models.count == 1)
        let shown = try await live.done(
          "tacit", "verify", "certificate", file.path, "--policy", policy)
        #expect(shown.output.contains("nothing is wrong"), "\(shown)")

        let text = try String(contentsOf: file, encoding: .utf8)
        let changed = try live.file(
          "changed.json", text.replacingOccurrences(of: "gdpr-17-1-b", with: "gdpr-17-1-c"))
        let refused = try await live.run(
          "tacit", "verify", "certificate", changed, "--policy", policy)
        #expect(refused.status == 1)
        #expect(refused.errors.contains("certifies nothing"), "\(refused)")
        let other = try await live.run(
          "tacit", "verify", "certificate", file.path, "--store", "archive", "--policy", policy)
        #expect(other.status == 1 && other.errors.contains("does not speak of archive"))
        let four = try String(contentsOf: URL(filePath: policy), encoding: .utf8)
          .split(separator: "\n").filter { !$0.contains("tacit/features/") }
        let fewer = try await live.run(
          "tacit", "verify", "certificate", file.path, "--policy",
          try live.file("four.txt", four.joined(separator: "\n") + "\n"))
        #expect(fewer.status == 1, "\(fewer)")
      }
    }

    @Test("a list of people is forgotten at once, and who could not be is named")
    func many() async throws {
      struct Many: Decodable {
        let people: Int
        let erased: Int
        let certified: Int
      }
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 30)
        let pids = shop.people.prefix(25).map(\.pid)
        let list = try live.file("erased.txt", pids.joined(separator: "\n") + "\n")
        let done = try await live.done(
          "tacit-consent", "erase", "--pids", list, "--ground", "gdpr-17-1-b", "--yes", "--json",
          as: "privacy-dev"
        ).json(Many.self)
        #expect(done.people == 25 && done.erased == 25 && done.certified == 25)
        for (index, person) in shop.people.enumerated() {
          let check = try await live.run(
            "tacit-consent", "check", "--pid", person.pid, "--scope", "analytics")
          #expect((check.status == 0) == (index >= 25), "\(check)")
        }
        let wrong = try await live.run(
          "tacit-consent", "erase", "--pids", try live.file("wrong.txt", pids[0] + "\nnobody\n"),
          "--ground", "gdpr-17-1-b", "--yes", as: "privacy-dev")
        #expect(wrong.status == 1 && wrong.errors.contains("line 2"), "\(wrong)")
        let refused = try await live.run(
          "tacit-consent", "erase", "--pids", list, "--ground", "Not a name", "--yes",
          as: "privacy-dev")
        #expect(refused.status == 1 && refused.errors.contains("25 people"), "\(refused)")
      }
    }

    @Test("with a store killed the erasure is in force; the certificate comes when it is back")
    func killedStore() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 5)
        let file = live.directory.appending(path: "certificate.json")
        for (index, service) in [WellKnownService.features, .vectors, .trainer].enumerated() {
          let pid = shop.people[index].pid
          try await live.kill9(service)
          let erased = try await erase(pid, live, certificate: file.path)
          #expect(!erased.certified)
          #expect(erased.missing.contains(service.rawValue))
          let early = try await live.run(
            "tacit-consent", "certificate", "--pid", pid, "--out", file.path)
          #expect(early.status == 1 && early.errors.contains(service.rawValue), "\(early)")
          try await live.restart(service)
          try await eventually("the certificate is there") {
            try await live.run(
              "tacit-consent", "certificate", "--pid", pid, "--out", file.path
            ).status == 0
          }
          try await live.done(
            "tacit", "verify", "certificate", file.path, "--policy", policy(live))
        }
      }
    }

    @Test("old backups of every store, restored after an erasure, hold no row that can be read")
    func restoreDrill() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 20)
        try await shop.learn()
        let (erased, kept) = (shop.people[0], shop.people[1])
        #expect(try await readableRows(of: erased, live) > 0)
        let before = try await readableRows(of: kept, live)
        #expect(before > 0)
        for service in WellKnownService.allCases {
          try await live.done(
            service.programName, "backup", "--directory", copy(service, live).path)
        }
        let certificate = live.directory.appending(path: "certificate.json").path
        #expect(try await erase(erased.pid, live, certificate: certificate).certified)

        for service in WellKnownService.allCases { try await live.kill9(service) }
        for service in WellKnownService.allCases {
          let store = try #require(try live.process(of: service).environment["TACIT_STORE"])
          let arguments = ["restore", "--from", copy(service, live).path, "--store", store]
          let newer = try await live.run(service.programName, arguments)
          #expect(newer.status == 1 && newer.errors.contains("would lose data"), "\(newer)")
          try await live.done(service.programName, arguments + ["--force"])
        }
        for service in WellKnownService.allCases { try await live.restart(service) }

        try await eventually("the others are served again") {
          try await readableRows(of: kept, live) == before
        }
        #expect(try await readableRows(of: erased, live) == 0)
        let known = try await live.done("tacit-vault", "show", "--pid", erased.pid, "--json")
        #expect(known.output.contains("\"forgotten\" : true"), "\(known)")
        let again = try await live.run(
          "tacit-vault", "pseudonymize", "--create", "--email", "-", input: erased.address + "\n")
        #expect(
          again.output.contains("forgotten") || again.errors.contains("forgotten"), "\(again)")
        // A late batch brings nothing back.
        let orders = try shop.orders("late.csv", linesPerPerson: 2)
        _ = try await live.run("tacit", shop.ingestArguments(orders))
        #expect(try await readableRows(of: erased, live) == 0)
        try await live.done("tacit", "verify", "certificate", certificate, "--policy", policy(live))
      }
    }

    private func copy(_ service: WellKnownService, _ live: LiveStack) -> URL {
      live.directory.appending(path: "drill/\(service.rawValue)")
    }

    /// How many rows of a person the feature store and the vault's list of identifiers still give.
    private func readableRows(of person: Shop.Person, _ live: LiveStack) async throws -> Int {
      struct Shown: Decodable { let identifiers: [Identifier] }
      struct Identifier: Decodable {}
      let read = try await live.run(
        "tacit-features", "get", "--pid", person.pid, "purchases:lines", "--json")
      let shown = try await live.run("tacit-vault", "show", "--pid", person.pid, "--json")
      let value = read.output.firstMatch(of: /"value" : ([0-9]+)/).flatMap { Int($0.output.1) } ?? 0
      let identifiers = (try? shown.json(Shown.self).identifiers.count) ?? 0
      return value + identifiers
    }
  }
}
