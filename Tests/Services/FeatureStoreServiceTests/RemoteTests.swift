internal import Cryptography
internal import FeatureStoreService
internal import FeaturesAPI
internal import Logging
internal import PrivacyCore
internal import RPC
internal import Synchronization
internal import TestSupport
internal import Testing
internal import Transport
internal import VaultAPI
internal import WireFormat

@Suite("Over the wire")
struct RemoteTests {
  @Test("a person's features are written, read, streamed and refused over loopback")
  func roundTrip() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics", "product_recs")
      try await withServer({ fixture.service.register(on: &$0) }) { connection in
        let client = FeaturesClient(connection)
        let applied = try await client.applyViews(
          ApplyViewsRequest(yaml: FeatureStoreFixture.views))
        #expect(applied.unchanged.count == 3)
        let event = fixture.event(person(1), consent, id: "a", ["item": .string("x")])
        let written = try await client.writeEvents(
          WriteEventsRequest(source: "orders", events: [event]))
        #expect(written.written == 1 && written.sequence > 0)
        let reply = try await client.get(
          GetRequest(pids: [person(1).bytes], features: ["purchases:items"]))
        guard case .tallies(let list)? = reply.rows.first?.features.first?.value?.kind else {
          Issue.record("no tallies")
          return
        }
        let day = Int32(fixture.time.now.day)
        #expect(list.tallies.map(\.key) == ["x"] && list.tallies.map(\.days) == [[day]])
        var batches: [TrainingBatch] = []
        let stream = try await client.trainingSet(
          TrainingSetRequest(features: ["purchases:*"], scope: "analytics"))
        for try await batch in stream { batches.append(batch) }
        #expect(batches.flatMap(\.rows).map(\.pid) == [person(1).bytes])
        let refused = await #expect(throws: RPCError.self) {
          try await client.get(GetRequest(pids: [person(1).bytes], features: ["nothing:x"]))
        }
        #expect(refused?.code == .invalidArgument)
        #expect(refused?.message == "there is no view \"nothing\"")
      }
    }
  }

  @Test("subject keys are asked for once, left out for the forgotten, and dropped when told")
  func subjectKeys() async throws {
    let vault = StubVault(forgotten: person(3))
    try await withServer({ vault.register(on: &$0) }) { connection in
      let keys = VaultSubjectKeys(vault: VaultClient(connection), countMax: 100)
      let first = try await keys.subjectKeys(of: [person(1), person(2), person(3)])
      #expect(Set(first.keys) == [person(1), person(2)])
      let sealed = try #require(first[person(1)]).seal([1, 2, 3])
      let second = try await keys.subjectKeys(of: [person(1), person(2)])
      #expect(try second[person(1)]?.open(sealed) == [1, 2, 3])
      #expect(vault.asked == [[person(1), person(2), person(3)]])
      keys.forget(person(1))
      _ = try await keys.subjectKeys(of: [person(1), person(2)])
      #expect(vault.asked.last == [person(1)])
    }
  }

  @Test("more people than one call may ask for are asked for in several")
  func subjectKeyPages() async throws {
    let vault = StubVault(forgotten: person(0))
    try await withServer({ vault.register(on: &$0) }) { connection in
      let keys = VaultSubjectKeys(vault: VaultClient(connection), countMax: 10)
      let found = try await keys.subjectKeys(of: (1...4_097).map { person($0) })
      #expect(found.count == 4_097)
      #expect(vault.asked.map(\.count) == [4_096, 1])
    }
  }
}

/// A vault that knows everybody but one.
private final class StubVault: VaultServing {
  private let forgotten: PseudonymousID
  private let requests = Mutex<[[PseudonymousID]]>([])

  init(forgotten: PseudonymousID) { self.forgotten = forgotten }

  var asked: [[PseudonymousID]] { requests.withLock { $0 } }

  func subjectKeys(
    _ request: SubjectKeysRequest, context: CallContext
  ) async throws -> SubjectKeysReply {
    let pids = request.pids.compactMap { PseudonymousID(bytes: $0) }
    requests.withLock { $0.append(pids) }
    return SubjectKeysReply(
      keys: pids.map { pid in
        pid == forgotten ? SubjectKey(forgotten: true) : SubjectKey(key: pid.bytes)
      })
  }

  func pseudonymize(
    _ request: PseudonymizeRequest, context: CallContext
  ) async throws -> PseudonymizeReply { PseudonymizeReply() }

  func pseudonymizeStream(
    _ requests: RequestStream<PseudonymizeRequest>, replies: ReplyWriter<PseudonymizeReply>,
    context: CallContext
  ) async throws {}

  func link(_ request: LinkRequest, context: CallContext) async throws -> LinkReply { LinkReply() }

  func show(_ request: ShowRequest, context: CallContext) async throws -> ShowReply { ShowReply() }

  func forget(_ request: ForgetRequest, context: CallContext) async throws -> ForgetReply {
    ForgetReply()
  }
}

/// Everybody may call everything.
private struct OpenDoor: MethodAuthorizer {
  func permits(_ peer: PeerIdentity, _ method: MethodDescriptor) -> Bool { true }
}

/// Runs `body` with a connection to a server on loopback.
private func withServer(
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
