internal import Foundation
internal import ServiceKit
internal import Testing

extension Integration {
  @Suite("Access requests to real processes")
  struct AccessRequestTests {
    private struct Log: Decodable { let key: String }

    private struct Made: Decodable {
      let complete: Bool
      let missing: [String]
      let records: [String: Int]
    }

    private struct Verified: Decodable {
      struct Service: Decodable { let service: String }
      let complete: Bool
      let services: [Service]
    }

    private struct Pseudonyms: Decodable {
      struct Entry: Decodable { let pid: String }
      let pseudonyms: [Entry]
    }

    private func keys(_ live: LiveStack) async throws -> [String] {
      var arguments: [String] = []
      for service in WellKnownService.allCases {
        let log = try await live.done("tacit", "log", "show", service.rawValue, "--json")
        arguments += ["--log-key", try log.json(Log.self).key]
      }
      return arguments
    }

    private func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test("one command gathers a pack of five services that verifies with all of them stopped")
    func pack() async throws {
      try await withStack { live in
        let address = "ann.canary@example.com"
        let pid = try await live.done(
          "tacit-vault", "pseudonymize", "--email", "-", "--create", "--json", as: "pipeline",
          input: address + "\n"
        ).json(Pseudonyms.self).pseudonyms[0].pid
        try await live.done(
          "tacit-consent", "grant", "--pid", pid, "--scope", "analytics", "--source", "canary:v7",
          "--days", "365", "--notice-version", "1", as: "privacy-dev")
        let pack = live.directory.appending(path: "pack").path
        func request(
          _ out: String, _ more: [String] = ["--email", "-"], as identity: String = "privacy-dev"
        ) async throws -> Program.Outcome {
          try await live.run(
            "tacit-vault",
            ["access-request"] + more + ["--ticket", "DSR-17", "--out", out, "--json"],
            as: identity, input: address + "\n")
        }

        let outcome = try await request(pack)
        #expect(outcome.status == 0, "\(outcome)")
        let made = try outcome.json(Made.self)
        #expect(made.complete && made.records.count == 5, "\(made)")
        #expect(try mode(pack) == 0o700)
        for name in ["access.json", "access.html", "manifest.json"] {
          #expect(try mode("\(pack)/\(name)") == 0o600, "\(name)")
        }
        let text = try String(contentsOfFile: "\(pack)/access.json", encoding: .utf8)
        #expect(text.contains(address) && text.contains("canary:v7"))
        // What a command prints never holds an identifier.
        #expect(!outcome.output.contains(address) && !outcome.errors.contains(address))

        // Not a second time over the first, and not for everybody.
        let again = try await request(pack)
        #expect(again.status == 1 && again.errors.contains("not empty"), "\(again)")
        for identity in ["admin-dev", "marketing-dev", "pipeline"] {
          let refused = try await request("\(pack)-\(identity)", as: identity)
          #expect(refused.status == 1, "\(identity): \(refused)")
          let left = try? FileManager.default.contentsOfDirectory(atPath: "\(pack)-\(identity)")
          #expect(left ?? [] == [], "\(identity)")
        }

        // By a pid: the same without the name.
        let byPid = try await request("\(pack)-pid", ["--pid", pid])
        #expect(byPid.status == 0, "\(byPid)")
        let bare = try String(contentsOfFile: "\(pack)-pid/access.json", encoding: .utf8)
        #expect(!bare.contains("canary.") && !bare.contains(address) && bare.contains("canary:v7"))

        let keys = try await keys(live)
        // A service out of reach.
        try await live.kill9(.vectors)
        let failed = try await request("\(pack)-failed")
        #expect(failed.status == 1 && failed.errors.contains("vectors"), "\(failed)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(pack)-failed") == [])
        let partial = try await request("\(pack)-partial", ["--email", "-", "--partial"])
        #expect(partial.status == 0, "\(partial)")
        #expect(try partial.json(Made.self).missing == ["vectors"])

        for service in WellKnownService.allCases where service != .vectors {
          try await live.kill9(service)
        }
        func verify(_ directory: String, _ more: [String] = []) async throws -> Program.Outcome {
          try await live.run("tacit", ["verify", "access", directory, "--json"] + more + keys)
        }
        let verified = try await verify(pack)
        #expect(verified.status == 0, "\(verified)")
        #expect(try verified.json(Verified.self).services.count == 5)
        let incomplete = try await verify("\(pack)-partial")
        #expect(incomplete.status == 1 && incomplete.errors.contains("vectors"), "\(incomplete)")
        let allowed = try await verify("\(pack)-partial", ["--partial"])
        #expect(try !allowed.json(Verified.self).complete)

        try Data(text.replacing("canary:v7", with: "canary:v8").utf8)
          .write(to: URL(filePath: "\(pack)/access.json"))
        let changed = try await verify(pack)
        #expect(changed.status == 1 && changed.errors.contains("consent"), "\(changed)")
        for service in WellKnownService.allCases { try await live.restart(service) }
      }
    }
  }
}
