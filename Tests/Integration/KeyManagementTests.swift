internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import Testing

extension Integration {
  @Suite("Root keys in another place")
  struct KeyManagementTests {
    @Test("a service's keys move to a root key under a passphrase, and its store opens as before")
    func rewrap() async throws {
      try await withStack { live in
        try await live.kill9(.vault)
        let process = try live.process(of: .vault)
        let old = try #require(process.environment["TACIT_KMS"])
        let store = try #require(process.environment["TACIT_STORE"])
        let passphrase = live.directory.appending(path: "passphrase")
        try Data("correct horse battery staple\n".utf8).write(to: passphrase)
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o600], ofItemAtPath: passphrase.path)
        let new =
          "file:\(live.directory.path)/sealed.json?passphrase-file=\(passphrase.path)"
        try await live.done("tacit", "kms", "create-key", new)
        try await live.done("tacit", "kms", "check", new)
        try await live.done(
          "tacit-vault", "rewrap", "--store", store, "--kms", old, "--to", new)

        let refused = try await serve(process, kms: old, live)
        #expect(refused.status == 1)
        #expect(refused.errors.contains("the provider at hand is"), "\(refused)")
        try Data("wrong\n".utf8).write(to: passphrase)
        let wrong = try await serve(process, kms: new, live)
        #expect(wrong.status == 1)
        #expect(
          wrong.errors.contains("sealed.json does not open with this passphrase"), "\(wrong)")

        // And back, so that the stack starts as it was planned.
        try Data("correct horse battery staple\n".utf8).write(to: passphrase)
        try await live.done(
          "tacit-vault", "rewrap", "--store", store, "--kms", new, "--to", old)
        try await live.restart(.vault)
        try await live.done("tacit", "status", "--directory", live.stack.root.path)
      }
    }

    @Test("a KMS that cannot be reached at the start is named with its address and the cause")
    func unreachable() async throws {
      try await withStack { live in
        try await live.kill9(.vault)
        let process = try live.process(of: .vault)
        let port = try FreePorts.choose(1)[0]
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd"
        // Its keys are wrapped by a file, so it is asked of a store that has none yet.
        let outcome = try await serve(
          process, kms: "aws-kms:\(arn)?endpoint=http://127.0.0.1:\(port)", live,
          store: live.directory.appending(path: "fresh-store").path)
        #expect(outcome.status == 1)
        #expect(
          outcome.errors.contains(
            "the key provider is unavailable: aws-kms at http://127.0.0.1:\(port): the "
              + "connection was refused"), "\(outcome)")
        #expect(!outcome.text.contains("not-a-secret"), "\(outcome)")
        let misspelt = try await serve(process, kms: "fil:\(arn)", live)
        #expect(misspelt.status == 1)
        #expect(misspelt.errors.contains("there is no KMS provider \"fil\""), "\(misspelt)")
        try await live.restart(.vault)
      }
    }

    /// Runs `serve` as the stack does, with another KMS, until it gives up.
    private func serve(
      _ process: StackPlan.Process, kms: String, _ live: LiveStack, store: String? = nil
    ) async throws -> Program.Outcome {
      var environment = process.environment
      environment["TACIT_LISTEN"] = "127.0.0.1:\(try FreePorts.choose(1)[0])"
      environment["TACIT_KMS"] = kms
      environment["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE"
      environment["AWS_SECRET_ACCESS_KEY"] = "not-a-secret"
      if let store { environment["TACIT_STORE"] = store }
      return try await Program.run(
        process.service.programName, process.arguments, environment: environment,
        scratch: live.directory)
    }
  }
}
