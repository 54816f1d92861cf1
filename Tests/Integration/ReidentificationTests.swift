internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import TestSupport
internal import Testing

extension Integration {
  @Suite("Re-identification with the real programs")
  struct ReidentificationTests {
    private struct Case: Decodable {
      let id: String
      let state: String
    }

    private struct Opened: Decodable {
      let `case`: Case
      let token: String
    }

    private struct Person: Decodable {
      struct Named: Decodable { let value: String }
      let standing: String
      let identifiers: [Named]
    }

    private struct Pids: Decodable {
      struct Entry: Decodable { let pid: String }
      let pseudonyms: [Entry]
    }

    private let address = "canary.reidentified@example.com"

    private func people(_ live: LiveStack) throws {
      try TrustDirectory.createCertificates(
        in: live.stack.identityDirectory,
        users: ["legal/ann", "privacy/ann", "privacy/ben", "privacy/cleo", "security/dan"])
    }

    private func open(_ live: LiveStack) async throws -> Opened {
      let pids = try await live.done(
        "tacit-vault", "pseudonymize", "--email", "-", "--create", "--json", input: address + "\n"
      ).json(Pids.self)
      let pid = try #require(pids.pseudonyms.first?.pid)
      return try await live.done(
        "tacit-vault", "reidentify", "request", "--pid", pid, "--purpose", "breach notice",
        "--ticket", "LEGAL-812", "--json", as: "legal-ann"
      ).json(Opened.self)
    }

    private func approve(_ id: String, _ live: LiveStack, by identities: String...) async throws {
      for identity in identities {
        try await live.done("tacit-vault", "reidentify", "approve", id, as: identity)
      }
    }

    @Test("two others approve, the warrant answers once, and a kill -9 does not bring it back")
    func wholeWay() async throws {
      try await withStack { live in
        try people(live)
        let opened = try await open(live)
        let id = opened.case.id
        for refused in ["legal-ann", "privacy-ann", "admin-dev"] {
          let outcome = try await live.run(
            "tacit-vault", "reidentify", "approve", id, as: refused)
          #expect(outcome.status == 1, "\(refused): \(outcome)")
        }
        let early = try await live.run(
          "tacit-vault", "reidentify", "redeem", id, as: "legal-ann", input: opened.token + "\n")
        #expect(early.status == 1 && early.errors.contains("approvals"), "\(early)")
        try await approve(id, live, by: "privacy-ben", "privacy-cleo")
        try await live.kill9(.vault)
        try await live.restart(.vault)
        let answer = try await live.done(
          "tacit-vault", "reidentify", "redeem", id, "--json", as: "legal-ann",
          input: opened.token + "\n")
        let people = try answer.json([Person].self)
        #expect(people.map(\.standing) == ["known"])
        #expect(people.first?.identifiers.map(\.value) == [address])
        try await live.kill9(.vault)
        try await live.restart(.vault)
        let again = try await live.run(
          "tacit-vault", "reidentify", "redeem", id, as: "legal-ann", input: opened.token + "\n")
        #expect(again.status == 1 && again.errors.contains("redeemed"), "\(again)")
        let log = try live.log(of: .vault)
        #expect(!log.contains("canary.reidentified") && !log.contains(opened.token))
      }
    }

    @Test("one command freezes the path, two people open it, and what was open stays void")
    func freeze() async throws {
      try await withStack { live in
        try people(live)
        let opened = try await open(live)
        try await approve(opened.case.id, live, by: "privacy-ben", "privacy-cleo")
        try await live.done(
          "tacit-vault", "reidentify", "freeze", "--reason", "stolen laptop", as: "security-dan")
        let frozen = try await live.run(
          "tacit-vault", "reidentify", "redeem", opened.case.id, as: "legal-ann",
          input: opened.token + "\n")
        #expect(frozen.status == 1 && frozen.errors.contains("frozen"), "\(frozen)")
        try await live.done("tacit-vault", "reidentify", "unfreeze", as: "security-dan")
        let alone = try await live.run(
          "tacit-vault", "reidentify", "unfreeze", as: "security-dan")
        #expect(alone.status == 1, "\(alone)")
        try await live.done("tacit-vault", "reidentify", "unfreeze", as: "privacy-ben")
        let void = try await live.run(
          "tacit-vault", "reidentify", "redeem", opened.case.id, as: "legal-ann",
          input: opened.token + "\n")
        #expect(void.status == 1 && void.errors.contains("void"), "\(void)")
      }
    }
  }
}
