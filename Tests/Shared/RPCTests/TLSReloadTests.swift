import Foundation
import PrivacyCore
import RPC
import TestSupport
import Testing
import Transport

@Suite("Certificates replaced while a server runs")
struct TLSReloadTests {
  @Test("new connections see the new certificate, running ones stay, a broken one changes nothing")
  func reload() async throws {
    try await withTemporaryDirectory { directory in
      let authority = try DevelopmentAuthority.create(in: directory)
      let user = try authority.issue(.user(role: "legal", name: "anna"))
      let consent = try authority.issue(.service("consent"))
      let vault = try authority.issue(.service("vault"))
      let time = ManualTime(now: SystemTime().now)
      let server = RPCServer(
        router: testRouter(), endpoint: try Endpoint("127.0.0.1:0"),
        security: .mutualTLS(consent, time: time), authorizer: AlmostAll(), log: quietLog)
      let endpoint = try await server.start()
      func client(expects service: String) throws -> RPCClient {
        try RPCClient(
          endpoint: endpoint, security: .mutualTLS(user, expects: service), log: quietLog)
      }
      func reaches(_ client: RPCClient) async -> Bool {
        do throws(RPCError) {
          let reply: Blob = try await client.unary(
            Method.echo, Blob(count: 3), options: CallOptions(timeoutMs: 5_000))
          return reply.bytes.count == 3
        } catch {
          return false
        }
      }
      let first = try client(expects: "consent")
      #expect(await reaches(first))

      try Self.replace(consent, with: vault)
      // Not looked at again within the same second.
      let early = try client(expects: "consent")
      #expect(await reaches(early))
      time.advance(microseconds: 1_000_000)
      let renamed = try client(expects: "vault")
      #expect(await reaches(renamed))
      let outdated = try client(expects: "consent")
      #expect(await !reaches(outdated))
      #expect(await reaches(first))

      try Data("no certificate".utf8).write(to: URL(filePath: consent.certificatePath))
      time.advance(microseconds: 1_000_000)
      let afterwards = try client(expects: "vault")
      #expect(await reaches(afterwards))
      for client in [first, early, renamed, outdated, afterwards] { await client.close() }
      await server.drain(timeoutMs: 0)
    }
  }

  @Test("a client shows its new certificate on the next connection")
  func clientReload() async throws {
    try await withTemporaryDirectory { directory in
      let authority = try DevelopmentAuthority.create(in: directory)
      let anna = try authority.issue(.user(role: "legal", name: "anna"))
      let otto = try authority.issue(.user(role: "admin", name: "otto"))
      let consent = try authority.issue(.service("consent"))
      let time = ManualTime(now: SystemTime().now)
      let security = ServerSecurity.mutualTLS(consent)
      let server = RPCServer(
        router: testRouter(), endpoint: try Endpoint("127.0.0.1:0"), security: security,
        authorizer: AlmostAll(), log: quietLog)
      let endpoint = try await server.start()
      let client = try RPCClient(
        endpoint: endpoint, security: .mutualTLS(anna, time: time), log: quietLog)
      let before: Blob = try await client.unary(Method.context, Blob())
      #expect(before.text.hasPrefix("spiffe://tacit/user/legal/anna"))
      try Self.replace(anna, with: otto)
      time.advance(microseconds: 1_000_000)
      await server.drain(timeoutMs: 100)

      let second = RPCServer(
        router: testRouter(), endpoint: endpoint, security: security, authorizer: AlmostAll(),
        log: quietLog)
      try await second.start()
      let after: Blob = try await client.unary(Method.context, Blob())
      #expect(after.text.hasPrefix("spiffe://tacit/user/admin/otto"))
      await client.close()
      await second.drain(timeoutMs: 0)
    }
  }

  /// Puts the certificate and key of `new` in the place of those of `old`, as a renewal does.
  private static func replace(_ old: TLSMaterial, with new: TLSMaterial) throws {
    for (from, to) in [
      (new.certificatePath, old.certificatePath), (new.keyPath, old.keyPath),
    ] {
      try Data(contentsOf: URL(filePath: from)).write(to: URL(filePath: to), options: .atomic)
    }
  }
}
