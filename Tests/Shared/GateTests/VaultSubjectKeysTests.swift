internal import CommonAPI
internal import Cryptography
internal import Gate
internal import PrivacyCore
internal import RPC
internal import RPCTestSupport
internal import Synchronization
internal import Testing
internal import VaultAPI

@Suite("Keys of people from the vault")
struct VaultSubjectKeysTests {
  @Test("subject keys are asked for once, left out for the forgotten, and dropped when told")
  func subjectKeys() async throws {
    let vault = StubVault(forgotten: person(3))
    try await withLoopbackServer({ vault.register(on: &$0) }) { connection in
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
    try await withLoopbackServer({ vault.register(on: &$0) }) { connection in
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

  func forgotten(
    _ request: ForgottenRequest, context: CallContext
  ) async throws -> ForgottenReply { ForgottenReply() }

  func forget(_ request: ForgetRequest, context: CallContext) async throws -> ForgetReply {
    ForgetReply()
  }

  func forgetMany(
    _ request: ForgetManyRequest, context: CallContext
  ) async throws -> ForgetManyReply { ForgetManyReply() }

  func obliviousKey(
    _ request: ObliviousKeyRequest, context: CallContext
  ) async throws -> ObliviousKeyReply { ObliviousKeyReply() }

  func blindEvaluate(
    _ request: BlindEvaluateRequest, context: CallContext
  ) async throws -> BlindEvaluateReply { BlindEvaluateReply() }

  func holdings(
    _ request: VaultHoldingsRequest, replies: ReplyWriter<HoldingsChunk>, context: CallContext
  ) async throws {}
}

/// A pid for each number up to 65,535.
private func person(_ number: Int) -> PseudonymousID {
  var bytes = [UInt8](repeating: 0, count: 32)
  bytes[0] = UInt8(truncatingIfNeeded: number)
  bytes[1] = UInt8(truncatingIfNeeded: number >> 8)
  guard let pid = PseudonymousID(bytes: bytes) else { preconditionFailure("32 bytes are a pid") }
  return pid
}
