import PrivacyCore
import RPC
import TestSupport
import Testing
import Transport
import WireFormat

/// What the simulated network cannot see: the socket's own queues.
@Suite("Large answers beside small ones")
struct InterleavingTests {
  @Test("a small answer overtakes what the server has not sent of a large one")
  func overtaking() async throws {
    try await overtake((.plainLoopback, .plainLoopback))
  }

  @Test("the same over TLS, which keeps what is written until a flush")
  func overtakingOverTLS() async throws {
    try await withTemporaryDirectory { directory in
      let authority = try DevelopmentAuthority.create(in: directory)
      let service = try authority.issue(.service("consent"))
      let user = try authority.issue(.user(role: "legal", name: "anna"))
      try await overtake((.mutualTLS(service), .mutualTLS(user)))
    }
  }

  private func overtake(
    _ security: (server: ServerSecurity, client: ClientSecurity)
  ) async throws {
    try await withPair(security: security) { pair in
      var hello = Hello.usual
      hello.streamCredit = 8 << 20
      hello.connectionCredit = 8 << 20
      // Little fits into the receiver's side, so that the rest waits at the server.
      let peer = try await RawPeer.greeted(
        pair.endpoint, hello, receiveBuffer: 16_384, security: security.client)
      try await peer.read(false)
      try await peer.send(
        .call, stream: 1, method: Method.repeated.id,
        flags: 1, payload: Array("1 4000000".utf8))
      // The server fills everything that takes something.
      try await Task.sleep(for: .milliseconds(300))
      try await peer.send(
        .call, stream: 3, method: Method.echo.id, flags: 1,
        payload: [UInt8](repeating: 7, count: 64))
      try await Task.sleep(for: .milliseconds(300))
      try await peer.read(true)
      var (before, isAnswered, total) = (0, false, 0)
      while total < 4_000_000, let (frame, payload) = try await peer.next() {
        if frame.stream == 3 {
          isAnswered = true
        } else if frame.stream == 1 {
          total += payload.count
          if !isAnswered { before += payload.count }
        }
      }
      #expect(total == 4_000_000)
      #expect(isAnswered)
      // A piece in the connection's queue and the one that follows it, what the kernel may not have
      // sent, what was on the way.
      #expect(before <= 320_000, "\(before) bytes of the large answer came first")
      await peer.close()
    }
  }
}
