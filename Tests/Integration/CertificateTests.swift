internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import ServiceKit
internal import TestSupport
internal import Testing
internal import Transport

extension Integration {
  @Suite("Certificates")
  struct CertificateTests {
    private static let day: Int64 = 86_400_000_000

    @Test("an expired one is refused by name, of a person and of a service")
    func expired() async throws {
      let from = SystemTime().now.advanced(byMicroseconds: -3 * Self.day)
      try await expectRefused(validFrom: from, "the certificate expired at")
    }

    @Test("one that is not yet valid is refused by name, of a person and of a service")
    func notYetValid() async throws {
      let from = SystemTime().now.advanced(byMicroseconds: 3 * Self.day)
      try await expectRefused(validFrom: from, "the certificate is not valid before")
    }

    @Test("one of another authority is refused by the service, whose log says why")
    func otherAuthority() async throws {
      try await withStack { live in
        let strangers = live.directory.appending(path: "strangers")
        _ = try DevelopmentAuthority.create(in: strangers)
          .issue(.user(role: "admin", name: "dev"))
        let known = live.stack.identityDirectory.appending(path: "ca.pem")
        let ca = strangers.appending(path: "ca.pem")
        try FileManager.default.removeItem(at: ca)
        try FileManager.default.copyItem(at: known, to: ca)

        let outcome = try await live.run(
          "tacit-consent", "status", "--identity", strangers.path)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("refused our certificate"), "\(outcome)")
        try await eventually("the log of the service says why") {
          try live.log(of: .consent).contains("not signed by a trusted authority")
        }
        try await live.done("tacit-consent", "status")
      }
    }

    @Test("a service of another authority is refused by the caller")
    func otherService() async throws {
      try await withStack { live in
        let strangers = live.directory.appending(path: "strangers")
        _ = try DevelopmentAuthority.create(in: strangers)
          .issue(.user(role: "admin", name: "dev"))
        let outcome = try await live.run(
          "tacit-consent", "status", "--identity", strangers.path)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("not signed by a trusted authority"), "\(outcome)")
      }
    }

    @Test("a certificate that is not there is named, with what to do about it")
    func missing() async throws {
      try await withTemporaryDirectory { directory in
        let outcome = try await Program.run(
          "tacit-consent", ["status", "--identity", directory.path], scratch: directory)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("tacit dev-certs"), "\(outcome)")
      }
    }

    @Test("a valid one whose role lacks the scope is refused, and nothing happens")
    func roleWithoutScope() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 1)
        let person = shop.people[0]
        let erase = try await live.run(
          "tacit-consent", "erase", "--pid", person.pid, "--ground", "gdpr-17-1-b", "--yes",
          as: "marketing-dev")
        #expect(erase.status == 1)
        #expect(erase.errors.contains("consent.erase"), "\(erase)")
        let train = try await live.run(
          "tacit-trainer", ["budget", "create", "--epsilon", "1", "--delta", "1e-6"] + Shop.budget,
          as: "marketing-dev")
        #expect(train.status == 1)
        #expect(train.errors.contains("trainer.budget"), "\(train)")
        let backup = try await live.run(
          "tacit-vault", "backup", "--directory", live.directory.appending(path: "copy").path,
          as: "analyst-dev")
        #expect(backup.status == 1)
        #expect(
          !FileManager.default.fileExists(atPath: live.directory.appending(path: "copy").path))
        try await live.done(
          "tacit-consent", "check", "--pid", person.pid, "--scope", "product_recs")
      }
    }

    @Test("nobody registers as a gate, asks for subject keys or forgets people but the services")
    func servicesOnly() async throws {
      try await withStack { live in
        let outcome = try await live.run(
          "tacit-vault", "forget", "--help")
        #expect(outcome.status == 0)
        let shop = try await Shop.open(live, peopleCount: 1)
        let forget = try await live.run(
          "tacit-vault", "show", "--pid", shop.people[0].pid, as: "marketing-dev")
        #expect(forget.status == 1)
        #expect(forget.errors.contains("vault.show"), "\(forget)")
      }
    }

    /// Shows a certificate with this validity of one day, as a person and as a service.
    private func expectRefused(validFrom from: Timestamp, _ reason: String) async throws {
      try await withStack { live in
        let identity = live.directory.appending(path: "identity")
        try FileManager.default.copyItem(at: live.stack.identityDirectory, to: identity)
        let authority = try DevelopmentAuthority.open(in: identity)
        for peer in [
          try PeerIdentity.user(role: "admin", name: "dev"), try .service("consent"),
        ] {
          _ = try authority.issue(peer, validityDays: 1, from: from, replacing: true)
        }
        let person = try await live.run("tacit-consent", "status", "--identity", identity.path)
        #expect(person.status == 1)
        #expect(person.errors.contains(reason), "\(person)")
        #expect(person.errors.split(separator: "\n").count == 1, "one sentence: \(person)")

        try await live.kill9(.consent)
        var environment = try live.process(of: .consent).environment
        environment["TACIT_IDENTITY"] = identity.path
        let service = try await Program.run(
          "tacit-consent", ["serve"], environment: environment, scratch: live.directory)
        #expect(service.status == 1)
        #expect(service.errors.contains(reason), "\(service)")
        try await live.restart(.consent)
        try await live.done("tacit-consent", "status")
      }
    }
  }
}
