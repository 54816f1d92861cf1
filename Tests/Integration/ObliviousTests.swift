internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import Testing

extension Integration {
  @Suite("Pids for partners")
  struct ObliviousTests {
    private struct Key: Decodable {
      let publicKey: String
      let profile: String

      enum CodingKeys: String, CodingKey {
        case profile
        case publicKey = "public_key"
      }
    }

    @Test("a partner's program prints the vault's pids for its own file, and only its own domain's")
    func partner() async throws {
      try await withStack { live in
        try await live.kill9(.vault)
        try await live.stack.restart(
          live.process(of: .vault).changing(["TACIT_OBLIVIOUS_DOMAINS": "acme,globex"]))
        for name in ["acme", "globex"] {
          try await live.done(
            "tacit", "dev-certs", "--directory", live.stack.identityDirectory.path,
            "--user", "partner/\(name)")
        }
        let file = try live.file(
          "customers.jsonl",
          """
          {"kind":"email","value":"Ann@Example.com"}
          {"kind":"phone","value":"030 1234567","qualifier":"DE"}
          ben@example.com

          not an address

          """)
        let key = try await live.done(
          "tacit-vault", "oblivious", "key", "--json", as: "partner-acme"
        ).json(Key.self)
        #expect(key.profile == "email/v1")

        let own = try await live.run(
          "tacit-vault", "oblivious", "pseudonymize", file, as: "partner-acme")
        #expect(own.status == 1, "one line is refused: \(own)")
        #expect(own.errors.contains("3 pids, 1 lines refused") && own.errors.contains("line 5"))
        #expect(!own.text.contains("xample.com") && !own.text.contains("not an address"))
        let pids = own.output.split(separator: "\n").dropFirst().map {
          $0.split(separator: "\t")[1]
        }
        #expect(pids.count == 3)
        let known = try await live.run(
          "tacit-vault", "pseudonymize", file, "--domain", "acme")
        for pid in pids { #expect(known.output.contains(pid), "\(known)") }
        let other = try await live.run(
          "tacit-vault", "oblivious", "pseudonymize", file, as: "partner-globex")
        for pid in pids { #expect(!other.output.contains(pid)) }

        let pinned = try await live.run(
          "tacit-vault", "oblivious", "pseudonymize", "-", "--public-key", key.publicKey,
          as: "partner-acme", input: "ann@example.com\n")
        #expect(pinned.status == 0 && pinned.output.contains(pids[0]), "\(pinned)")
        let wrongKey = try await live.run(
          "tacit-vault", "oblivious", "pseudonymize", "-", "--public-key", key.publicKey,
          as: "partner-globex", input: "ann@example.com\n")
        #expect(wrongKey.status == 1 && wrongKey.output.isEmpty)
        #expect(wrongKey.errors.contains("another public key"), "\(wrongKey)")
        let foreign = try await live.run(
          "tacit-vault", "oblivious", "key", "--domain", "globex", as: "partner-acme")
        #expect(foreign.status == 1 && foreign.errors.contains("its own name"), "\(foreign)")
        let lookUp = try await live.run(
          "tacit-vault", "pseudonymize", "--email", "-", as: "partner-acme",
          input: "ann@example.com\n")
        #expect(lookUp.status == 1 && lookUp.errors.contains("vault.pseudonymize"), "\(lookUp)")
        let person = try await live.run(
          "tacit-vault", "oblivious", "key", "--domain", "acme", as: "marketing-dev")
        #expect(person.status == 1 && person.errors.contains("vault.oblivious"), "\(person)")
      }
    }
  }
}
