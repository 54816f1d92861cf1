import Cryptography
import Foundation
import KeyManagement
import PrivacyCore
import TestSupport
import Testing

@Suite("The vault-transit provider")
struct VaultKeyManagementServiceTests {
  private func withVault(
    deadlineMs: Int = 10_000,
    _ body: (FaultProxy, _ open: (String) throws -> any KeyManagementService, URL) async throws ->
      Void
  ) async throws {
    let proxy = FaultProxy()
    let double = VaultDouble()
    let port = try await proxy.start { double.answer($0) }
    try await withTemporaryDirectory { directory in
      let token = try directory.writePrivate("token", VaultDouble.token + "\n")
      try await body(
        proxy,
        {
          try openProvider(
            "vault-transit:http://127.0.0.1:\(port)/\($0)token-file=\(token.path())",
            .quick(deadlineMs: deadlineMs))
        }, token)
    }
    await proxy.stop()
  }

  @Test("it keeps the promises of every provider", arguments: ["", "derived=true&"])
  func conformance(options: String) async throws {
    try await withVault { _, open, _ in
      try await checkConformance(
        of: open("tacit?\(options)"), sameRoot: open("tacit?\(options)"),
        otherRoot: open("other?\(options)"))
    }
  }

  @Test("it sends what Vault documents and reads its documented answers")
  func exchange() async throws {
    try await withVault { proxy, open, _ in
      let service = try open("my-key?mount=team%2Ftransit&namespace=ns1&")
      proxy.spoil([
        .json(
          200, #"{"data":{"ciphertext":"vault:v1:XjsPWPjqPrBi1N2Ms2s1QM798YyFWnO4TR4lsFA="}}"#),
        .json(200, #"{"data":{"plaintext":"dGhlIHF1aWNrIGJyb3duIGZveAo="}}"#),
      ])
      let wrapped = try await service.wrap(
        SecretBytes(copying: "the quick brown fox\n".utf8), context: ["a": "b"])
      #expect(
        String(decoding: wrapped.ciphertext, as: UTF8.self)
          == "vault:v1:XjsPWPjqPrBi1N2Ms2s1QM798YyFWnO4TR4lsFA=")
      #expect(wrapped.rootKeyName == "team/transit/my-key")
      let key = try await service.unwrap(wrapped, context: ["a": "b"])
      #expect(key.withUnsafeBytes { $0.elementsEqual("the quick brown fox\n".utf8) })
      let context = "AAAAAQAAAAFhAAAAAWI="
      #expect(
        proxy.received.map(\.target) == [
          "/v1/team/transit/encrypt/my-key", "/v1/team/transit/decrypt/my-key",
        ])
      #expect(proxy.received.allSatisfy { $0.method == "POST" })
      #expect(proxy.received.allSatisfy { $0.headers["x-vault-token"] == VaultDouble.token })
      #expect(proxy.received.allSatisfy { $0.headers["x-vault-namespace"] == "ns1" })
      #expect(
        proxy.received.map(\.text) == [
          #"{"associated_data":"\#(context)","plaintext":"dGhlIHF1aWNrIGJyb3duIGZveAo="}"#,
          #"{"associated_data":"\#(context)","ciphertext":"#
            + #""vault:v1:XjsPWPjqPrBi1N2Ms2s1QM798YyFWnO4TR4lsFA="}"#,
        ])
    }
  }

  @Test(
    "each answer that is not one is said plainly, and only what may pass is tried again",
    arguments: [
      (403, "permission denied", "does not let this caller in: status 403"),
      (404, "", "the root key transit/tacit cannot be used: no transit engine or key is there"),
      (400, "encryption key not found", "cannot be used: there is no such key"),
      (
        400, "ciphertext or signature version is disallowed by policy (too old)",
        "cannot be used: its version is below the oldest allowed"
      ),
      (400, "invalid ciphertext: no prefix", "the wrapped key was changed"),
      (405, "", "answered what it never should: decrypt: status 405"),
    ])
  func failures(status: Int, words: String, expected: String) async throws {
    try await withVault { proxy, open, _ in
      let service = try open("tacit?")
      let wrapped = try await service.wrap(
        SecretBytes(copying: Sample.key), context: Sample.context)
      proxy.spoil([.json(status, #"{"errors":["\#(words)"]}"#)])
      let error = await keyManagementError {
        _ = try await service.unwrap(wrapped, context: Sample.context)
      }
      let text = try #require(error).description
      #expect(text.contains(expected), "\(text)")
      #expect(proxy.requestCount == 2)
      proxy.spoil([.json(503, #"{"errors":["Vault is sealed"]}"#), .json(429, ""), .cut])
      let key = try await service.unwrap(wrapped, context: Sample.context)
      #expect(key.byteCount == 32)
      #expect(proxy.requestCount == 6)
    }
  }

  @Test("a sealed Vault and one that is not there are errors that name it")
  func outage() async throws {
    try await withVault(deadlineMs: 2_000) { proxy, open, _ in
      let service = try open("tacit?")
      func error() async throws -> String {
        try #require(
          await keyManagementError {
            _ = try await service.wrap(SecretBytes(copying: Sample.key), context: [:])
          }
        ).description
      }
      proxy.spoilAll(.json(503, #"{"errors":["Vault is sealed"]}"#))
      #expect(try await error().contains("status 503: it is sealed or in maintenance ("))
      await proxy.stop()
      let text = try await error()
      #expect(
        text.hasPrefix("the key provider is unavailable: vault-transit at http://127.0.0.1:"))
      #expect(text.contains("the connection was refused"))
    }
  }

  @Test("the token comes from a file that its owner alone reads, anew at each call")
  func token() async throws {
    try await withVault { proxy, open, file in
      let service = try open("tacit?")
      func error() async -> KeyManagementError? {
        await keyManagementError {
          _ = try await service.wrap(SecretBytes(copying: Sample.key), context: [:])
        }
      }
      #expect(await error() == nil)
      try Data("hvs.expired".utf8).write(to: file)
      try file.setMode(0o600)
      let text = try #require(await error()).description
      #expect(text.contains("does not let this caller in"))
      #expect(!text.contains("hvs.expired"))
      try Data(VaultDouble.token.utf8).write(to: file)
      try file.setMode(0o600)
      #expect(await error() == nil)
      try file.setMode(0o644)
      #expect(await error() == .readableByOthers(path: file.path(), mode: 0o644))
      #expect(proxy.requestCount == 3)
    }
  }

  @Test(
    "a setting that is not complete says what is missing",
    arguments: [
      ("vault-transit:https://vault:8200/key", "token-file=… is missing"),
      ("vault-transit:http://vault:8200/key?token-file=x", "the place is https://host:port/KEY"),
      ("vault-transit:https://vault/a/key?token-file=x", "the place is https://host:port/KEY"),
      ("vault-transit:https://vault/?token-file=x", "is no name of a key or a mount"),
      ("vault-transit:https://vault/k?token-file=x&mount=a%2F..%2Fb", "is no name of a key"),
      ("vault-transit:https://vault/k?token-file=x&derived=yes", "derived is true or false"),
      ("vault-transit:https://vault/k?token-file=x&namespace=a%0Ab", "is printable ASCII"),
    ])
  func settings(text: String, expected: String) async {
    let error = await keyManagementError { _ = try openProvider(text) }
    guard case .setting(let text)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(text.contains(expected), "\(text)")
  }
}
