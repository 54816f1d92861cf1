internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import Testing

extension Integration {
  @Suite("Backup and restore")
  struct BackupTests {
    @Test("a backup of all running services, restored where nothing is, serves what was there")
    func roundTrip() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 20)
        try await shop.learn()
        let lineCount = try await shop.servedLineCount()
        let budget = try await budget(live)
        for service in WellKnownService.allCases {
          let outcome = try await live.done(
            service.programName, "backup", "--directory", copy(service, live).path)
          #expect(outcome.output.contains("complete to change"), "\(outcome)")
        }
        // What comes later is not in it.
        try await live.done(
          "tacit-consent", "withdraw", "--pid", shop.people[0].pid, "--source", "test")

        for service in WellKnownService.allCases.reversed() { try await live.kill9(service) }
        for service in WellKnownService.allCases { try await restore(service, live) }
        for service in WellKnownService.allCases { try await live.restart(service) }

        for service in WellKnownService.allCases {
          let verified = try await live.done(service.programName, "verify")
          #expect(verified.output.contains("nothing is wrong"), "\(verified)")
        }
        let check = try await live.done(
          "tacit-consent", "check", "--pid", shop.people[0].pid, "--scope", "analytics")
        #expect(check.output.contains("granted"), "\(check)")
        let known = try await live.done(
          "tacit-vault", "pseudonymize", "--email", "-", input: shop.people[1].address + "\n")
        #expect(known.output.contains(shop.people[1].pid) && known.output.contains("yes"))
        try await eventually("the gates hear from the consent service") {
          try await shop.servedLineCount() == lineCount
        }
        #expect(try await self.budget(live) == budget)
        try await live.done("tacit-vectors", "recommend", "--stranger", "--collection", "items")
      }
    }

    @Test(
      "a backup goes into no directory that is there, a restore into no store that is open or newer"
    )
    func refusals() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 2)
        let copy = copy(.consent, live)
        try await live.done("tacit-consent", "backup", "--directory", copy.path)
        let again = try await live.run("tacit-consent", "backup", "--directory", copy.path)
        #expect(again.status == 1)
        #expect(!again.errors.isEmpty)
        try await live.done(
          "tacit-consent", "withdraw", "--pid", shop.people[0].pid, "--source", "test")

        let store = try #require(try live.process(of: .consent).environment["TACIT_STORE"])
        let arguments = ["restore", "--from", copy.path, "--store", store]
        let open = try await live.run("tacit-consent", arguments + ["--force"])
        #expect(open.status == 1)
        #expect(open.errors.contains("open"), "\(open)")
        try await live.done("tacit-consent", "verify")

        try await live.kill9(.consent)
        let newer = try await live.run("tacit-consent", arguments)
        #expect(newer.status == 1)
        #expect(newer.errors.contains("would lose data"), "\(newer)")
        try await live.restart(.consent)
        let check = try await live.run(
          "tacit-consent", "check", "--pid", shop.people[0].pid, "--scope", "analytics")
        #expect(check.status == 1, "the withdrawal is still in force: \(check)")
      }
    }

    private func copy(_ service: WellKnownService, _ live: LiveStack) -> URL {
      live.directory.appending(path: "backup/\(service.rawValue)")
    }

    /// Puts the backup of a service where its store was, as if on a new machine.
    private func restore(_ service: WellKnownService, _ live: LiveStack) async throws {
      let store = URL(
        filePath: try #require(try live.process(of: service).environment["TACIT_STORE"]))
      // No backup holds the vault's key tree: it lives elsewhere, and outlives the store.
      let tree = store.appending(path: "subject-keys.epoch")
      let kept = live.directory.appending(path: "subject-keys.epoch")
      if service == .vault { try FileManager.default.moveItem(at: tree, to: kept) }
      try FileManager.default.removeItem(at: store)
      try await live.done(
        service.programName, "restore", "--from", copy(service, live).path, "--store", store.path)
      if service == .vault { try FileManager.default.moveItem(at: kept, to: tree) }
    }

    private func budget(_ live: LiveStack) async throws -> String {
      try await live.run("tacit-trainer", ["budget", "show", "--json"] + Shop.budget).output
    }
  }
}
