internal import Logging
package import RPC
internal import Transport
internal import WireFormat

/// Runs `body` with a connection to a server on loopback whose methods everybody may call.
package func withLoopbackServer(
  _ register: (inout Router) -> Void, _ body: (RPCClient) async throws -> Void
) async throws {
  let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
  var router = Router()
  register(&router)
  let server = RPCServer(
    router: router, endpoint: try Endpoint("127.0.0.1:0"), security: .plainLoopback,
    authorizer: OpenDoor(), log: log)
  let connection = try RPCClient(
    endpoint: try await server.start(), security: .plainLoopback, log: log)
  do {
    try await body(connection)
  } catch {
    await connection.close()
    _ = await server.drain(timeoutMs: 100)
    throw error
  }
  await connection.close()
  _ = await server.drain(timeoutMs: 100)
}

/// Everybody may call everything.
private struct OpenDoor: MethodAuthorizer {
  func permits(_ peer: PeerIdentity, _ method: MethodDescriptor) -> Bool { true }
}
