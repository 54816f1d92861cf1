internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import Testing

extension Integration {
  @Suite("Stores and their keys")
  struct StoreGuardTests {
    @Test("a second serve on the same store is refused, and the first is unharmed")
    func secondServe() async throws {
      try await withStack { live in
        for process in live.plan.processes {
          let outcome = try await serve(process, live)
          #expect(outcome.status == 1, "\(process.service)")
          #expect(outcome.errors.contains("is already open"), "\(outcome)")
          #expect(try live.child(of: process.service).isRunning)
          let health = try await live.run(process.service.programName, "health")
          #expect(health.status == 0, "\(health)")
        }
      }
    }

    @Test("a port that is in use is named, and the store is unharmed")
    func portInUse() async throws {
      try await withStack { live in
        let vault = try live.process(of: .vault)
        try await live.kill9(.consent)
        let outcome = try await serve(
          try live.process(of: .consent), live, port: vault.port)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("\(vault.port)"), "\(outcome)")
        #expect(outcome.errors.contains("the port is in use"), "\(outcome)")
        try await live.restart(.consent)
      }
    }

    @Test("a store is not opened with another root key; with its own one it is")
    func otherRootKey() async throws {
      try await withStack { live in
        let other = live.directory.appending(path: "other-trust")
        try await live.done("tacit", "init", "--directory", other.path)
        for service in [WellKnownService.consent, .vault] {
          try await live.kill9(service)
          let outcome = try await serve(
            try live.process(of: service), live,
            rootKey: other.appending(path: "kms/\(service.rawValue).json"))
          #expect(outcome.status == 1, "\(service)")
          #expect(outcome.errors.contains("the provider at hand is"), "\(outcome)")
          try await live.restart(service)
        }
        try await live.done("tacit", "status", "--directory", live.stack.root.path)
      }
    }

    @Test("the store of another service is refused by name")
    func otherStore() async throws {
      try await withStack { live in
        try await live.kill9(.consent)
        try await live.kill9(.vault)
        let store = try live.process(of: .consent).environment["TACIT_STORE"]
        let outcome = try await serve(
          try live.process(of: .vault), live, changing: ["TACIT_STORE": try #require(store)])
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("consent"), "\(outcome)")
      }
    }

    @Test("a root key file that is cut, readable by others, missing or no key is refused by name")
    func badKeyFile() async throws {
      try await withStack { live in
        try await live.kill9(.vault)
        let process = try live.process(of: .vault)
        let key = URL(
          filePath: String(
            try #require(process.environment["TACIT_KMS"]).dropFirst("file:".count)))
        let content = try Data(contentsOf: key)
        let copy = live.directory.appending(path: "copied-key.json")
        func expectRefused(_ data: Data, mode: Int, _ reason: String) async throws {
          try data.write(to: copy)
          try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: copy.path)
          let outcome = try await serve(process, live, rootKey: copy)
          #expect(outcome.status == 1)
          #expect(
            outcome.errors.contains(copy.path) && outcome.errors.contains(reason), "\(outcome)")
        }
        try await expectRefused(
          content.prefix(content.count / 2), mode: 0o600, "no usable key file")
        try await expectRefused(Data(), mode: 0o600, "no usable key file")
        try await expectRefused(Data("{}".utf8), mode: 0o600, "no usable key file")
        try await expectRefused(content, mode: 0o644, "readable by others (mode 0644)")
        try await expectRefused(content, mode: 0o640, "chmod 600")
        try FileManager.default.removeItem(at: copy)
        let missing = try await serve(process, live, rootKey: copy)
        #expect(missing.status == 1)
        #expect(missing.errors.contains("does not exist"), "\(missing)")
        try await live.restart(.vault)
      }
    }

    /// Runs `serve` as the stack does, with changes, until it gives up.
    private func serve(
      _ process: StackPlan.Process, _ live: LiveStack, port: Int? = nil, rootKey: URL? = nil,
      changing changes: [String: String] = [:]
    ) async throws -> Program.Outcome {
      var environment = process.environment.merging(changes) { $1 }
      let port = try port ?? FreePorts.choose(1)[0]
      environment["TACIT_LISTEN"] = "127.0.0.1:\(port)"
      if let rootKey { environment["TACIT_KMS"] = "file:\(rootKey.path)" }
      return try await Program.run(
        process.service.programName, process.arguments, environment: environment,
        scratch: live.directory)
    }
  }
}
