import Testing
import Transport

@Suite("Endpoints")
struct EndpointTests {
  @Test(
    "host and port are read and written alike",
    arguments: ["127.0.0.1:7101", "localhost:1", "[::1]:65535", "consent.internal:0"])
  func roundTrip(text: String) throws {
    #expect(try Endpoint(text).description == text)
  }

  @Test(
    "what is no endpoint is refused with a reason",
    arguments: [
      "", "7101", "127.0.0.1", ":7101", "host:", "host:65536", "host:-1", "host:port",
      "host:123456",
      "::1:7101", "host:+1", "host: 1",
    ])
  func refused(text: String) {
    #expect(throws: TransportError.self) { try Endpoint(text) }
  }

  @Test("a host may have 253 bytes and no more")
  func hostLimit() throws {
    #expect(try Endpoint(host: String(repeating: "a", count: 253), port: 1).port == 1)
    #expect(throws: TransportError.self) {
      try Endpoint(host: String(repeating: "a", count: 254), port: 1)
    }
  }

  @Test(
    "loopback is this machine and nothing else",
    arguments: [
      ("127.0.0.1:1", true), ("127.9.8.7:1", true), ("[::1]:1", true), ("localhost:1", true),
      ("0.0.0.0:1", false), ("127.evil.example:1", false), ("10.0.0.1:1", false),
      ("127.0.0.1.example:1", false), ("[::]:1", false),
    ])
  func loopback(text: String, isLoopback: Bool) throws {
    #expect(try Endpoint(text).isLoopback == isLoopback)
  }
}

@Suite("Peer identities")
struct PeerIdentityTests {
  @Test("services and users are read from their SPIFFE ids")
  func parse() throws {
    let service = try PeerIdentity(spiffeID: "spiffe://tacit/service/features")
    #expect(service.kind == .service && service.name == "features" && service.role.isEmpty)
    let user = try PeerIdentity(spiffeID: "spiffe://tacit/user/legal/anna.b-2")
    #expect(user.kind == .user && user.role == "legal" && user.name == "anna.b-2")
    #expect(try PeerIdentity.user(role: "legal", name: "anna.b-2") == user)
    #expect(user.spiffeID == "spiffe://tacit/user/legal/anna.b-2")
  }

  @Test(
    "other ids are refused",
    arguments: [
      "", "spiffe://other/service/a", "spiffe://tacit/service/", "spiffe://tacit/service/a/b",
      "spiffe://tacit/user/legal", "spiffe://tacit/user//anna", "spiffe://tacit/Service/a",
      "spiffe://tacit/service/A", "spiffe://tacit/service/a b", "https://tacit/service/a",
      "spiffe://tacit/service/..", "spiffe://tacit/service/\u{430}", "tacit:local",
    ])
  func refused(text: String) {
    #expect(throws: TransportError.badIdentity(text: text)) { try PeerIdentity(spiffeID: text) }
  }

  @Test("a name may have 64 bytes and no more")
  func nameLimit() throws {
    #expect(try PeerIdentity.service(String(repeating: "a", count: 64)).kind == .service)
    #expect(throws: TransportError.self) {
      try PeerIdentity.service(String(repeating: "a", count: 65))
    }
  }
}
