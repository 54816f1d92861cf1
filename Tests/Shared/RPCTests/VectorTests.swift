import HealthAPI
import PrivacyCore
import RPC
import Testing
import WireFormat

@Suite("The bytes that docs/PROTOCOL.md records")
struct VectorTests {
  @Test(
    "frames are written as they are recorded",
    arguments: [
      (Frame(kind: 7), "hi", "00000006 0807 7a026869"),
      (Frame(kind: 5, stream: 1, credit: 65_536), "", "00000008 0805 1001 38808004"),
      (
        Frame(
          kind: 2, stream: 1, method: HealthMethods.check.id, flags: 1, timeoutUs: 1_000_000), "",
        "0000000f 0802 1001 1d3c6481c1 2001 28c0843d"
      ),
      (Frame(kind: 3, stream: 1), "", "00000004 0803 1001"),
      (Frame(kind: 6, stream: 3, status: 1), "", "00000006 0806 1003 3001"),
    ])
  func recorded(frame: Frame, payload: String, hexadecimal: String) {
    var bytes: [UInt8] = []
    FrameCodec.append(frame, payload: Array(payload.utf8), to: &bytes)
    #expect(Hexadecimal.encode(bytes) == hexadecimal.filter { $0 != " " })
  }

  @Test("a server answers the recorded call with the recorded reply")
  func answered() async throws {
    var router = Router()
    router.unary(HealthMethods.check) {
      (request: Blob, context: CallContext) async throws -> Blob in request
    }
    try await withPair(router: router) { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      try await peer.send(Hexadecimal.decode("0000000f080210011d3c6481c1200128c0843d") ?? [])
      let reply = try await peer.next()
      #expect(reply?.frame == Frame(kind: 3, stream: 1))
      #expect(reply?.payload == [])
      await peer.close()
    }
  }
}
