internal import Foundation
internal import PrivacyCore
internal import ServiceKit
internal import Testing

extension Integration {
  @Suite("Evidence of consent, from real processes")
  struct EvidenceTests {
    private struct Entry: Decodable {
      let recordedAt: String
      let kind: String

      enum CodingKeys: String, CodingKey {
        case recordedAt = "recorded_at"
        case kind
      }
    }

    private struct Log: Decodable { let key: String }

    private struct Verified: Decodable {
      let allowed: Bool
      let reason: String
    }

    private func pid(_ number: UInt64) -> String {
      Base64URL.encode(SeededRandom(seed: number).bytes(count: 32))
    }

    private func line(_ number: UInt64) -> String {
      let id = ConsentID(
        at: Timestamp(seconds: 1_768_048_496), random: SeededRandom(seed: number))
      return """
        {"consent_id":"\(id)","user_id_hashed":"hmac:sha256:\(pid(number))",\
        "scopes":["product_recs"],"granted_at":"2026-01-10T12:34:56Z",\
        "expires_at":"2099-01-10T12:34:56Z","source":"crm:v1","version":2}
        """
    }

    @Test(
      "is written for a time that has passed, outlives the service, and is refused when it is changed"
    )
    func evidence() async throws {
      try await withStack { live in
        let file = try live.file("receipts.jsonl", (1...50).map(line).joined(separator: "\n"))
        try await live.done("tacit-consent", "import", file)
        let person = pid(7)
        try await live.done(
          "tacit-consent", "withdraw", "--pid", person, "--source", "test", as: "privacy-dev")
        let history = try await live.done("tacit-consent", "history", "--pid", person, "--json")
          .json([Entry].self)
        #expect(history.map(\.kind) == ["grant", "withdrawal"])
        // Acknowledged is durable, and what is durable is proven after a crash too.
        try await live.kill9(.consent)
        try await live.restart(.consent)
        let key = try await live.done("tacit", "log", "show", "consent", "--json").json(Log.self)
          .key
        var files: [String] = []
        for (number, entry) in history.enumerated() {
          let proof = live.directory.appending(path: "\(number).proof").path
          let check = try await live.run(
            "tacit-consent", "check", "--pid", person, "--scope", "product_recs", "--at",
            entry.recordedAt, "--proof", proof)
          #expect(check.status == (number == 0 ? 0 : 1), "\(check)")
          #expect(check.output.contains("wrote \(proof)"))
          files.append(proof)
        }
        let future = try await live.run(
          "tacit-consent", "check", "--pid", person, "--scope", "product_recs", "--at",
          "2099-01-01T00:00:00Z", "--proof", files[0] + ".future")
        #expect(future.status == 1 && future.errors.contains("future"), "\(future)")

        try await live.kill9(.consent)
        for (file, reason) in zip(files, ["granted", "withdrawn"]) {
          let verified = try await live.done(
            "tacit", "verify", "evidence", file, "--log-key", key, "--json"
          ).json(Verified.self)
          #expect(verified.reason == reason)
          #expect(verified.allowed == (reason == "granted"))
          let bytes = try Data(contentsOf: URL(filePath: file))
          #expect(bytes.count <= 4_096)
          for position in [3, bytes.count / 2, bytes.count - 2] {
            var changed = bytes
            changed[position] ^= 1
            let copy = live.directory.appending(path: "changed.proof")
            try changed.write(to: copy)
            let refused = try await live.run(
              "tacit", "verify", "evidence", copy.path, "--log-key", key)
            #expect(refused.status == 1, "byte \(position): \(refused)")
            #expect(refused.errors.contains("proves nothing"), "\(refused)")
          }
        }
        try await live.restart(.consent)
      }
    }

    @Test("of an erased person proves the erasure and nothing before it; the log stays whole")
    func erased() async throws {
      try await withStack { live in
        let file = try live.file("receipts.jsonl", (1...5).map(line).joined(separator: "\n"))
        try await live.done("tacit-consent", "import", file)
        let person = pid(3)
        let before = try await live.done("tacit-consent", "history", "--pid", person, "--json")
          .json([Entry].self)
        try await live.done(
          "tacit-consent", "erase", "--pid", person, "--ground", "gdpr-17-1-b", "--yes",
          as: "privacy-dev")
        let key = try await live.done("tacit", "log", "show", "consent", "--json").json(Log.self)
          .key
        let proof = live.directory.appending(path: "erased.proof").path
        let now = try await live.run(
          "tacit-consent", "check", "--pid", person, "--scope", "product_recs", "--proof", proof)
        #expect(now.status == 1 && now.output.contains("erased"), "\(now)")
        let verified = try await live.done(
          "tacit", "verify", "evidence", proof, "--log-key", key)
        #expect(verified.output.contains("not allowed, erased"), "\(verified)")
        let then = try await live.run(
          "tacit-consent", "check", "--pid", person, "--scope", "product_recs", "--at",
          try #require(before.first).recordedAt, "--proof", proof)
        #expect(then.status == 1 && then.errors.contains("forgotten"), "\(then)")
        let whole = try await live.done("tacit-consent", "verify")
        #expect(whole.output.contains("nothing is wrong"), "\(whole)")
      }
    }
  }
}
