internal import CommonAPI
internal import ConsentAPI
internal import FeaturesAPI
internal import Foundation
internal import Pipeline
internal import RPC
internal import RPCTestSupport
internal import Synchronization
internal import VaultAPI

/// A vault, a consent service and a feature store that say what the test wants and remember what
/// they were asked.
final class IngestStubs: Sendable {
  /// One call of the vault.
  struct Lookup: Sendable {
    let identifiers: [String]
    let create: Bool
  }

  private struct State {
    var allowed: Set<String> = []
    var reasons: [String: CheckReason] = [:]
    var refusals: [String: String] = [:]
    var created: Set<String> = []
    var valueByPid: [[UInt8]: String] = [:]
    var lookups: [Lookup] = []
    var scopes: Set<String> = []
    var rejections: [String: String] = [:]
    var failures: [RPCError] = []
    var failingAfter: Int?
    var events: [Event] = []
    var writeCount = 0
    var withoutKey = 0
    var creationMs = 0
  }

  private let state = Mutex(State())

  // MARK: What they say

  /// These people allow the scope.
  func allow(_ identifiers: String...) { state.withLock { $0.allowed.formUnion(identifiers) } }

  /// The vault has a record of this person already.
  func know(_ identifier: String) { state.withLock { _ = $0.created.insert(identifier) } }

  /// Why the consent service says no to this person.
  func deny(_ identifier: String, _ reason: CheckReason) {
    state.withLock { $0.reasons[identifier] = reason }
  }

  /// Why the vault does not take this identifier.
  func refuse(_ identifier: String, _ reason: String) {
    state.withLock { $0.refusals[identifier] = reason }
  }

  /// Why the feature store does not take the event with this id.
  func reject(_ eventID: String, _ reason: String) {
    state.withLock { $0.rejections[eventID] = reason }
  }

  /// How the feature store fails at its next calls, one after the other.
  func failNext(_ failures: RPCError...) { state.withLock { $0.failures = failures } }

  /// From how many events on the feature store fails for good; `nil`: it works.
  func failAfter(_ eventCount: Int?) { state.withLock { $0.failingAfter = eventCount } }

  /// How long the vault takes to make records.
  func createSlowly(ms: Int) { state.withLock { $0.creationMs = ms } }

  // MARK: What they saw

  var lookups: [Lookup] { state.withLock { $0.lookups } }
  var created: Set<String> { state.withLock { $0.created } }
  var scopes: Set<String> { state.withLock { $0.scopes } }
  /// The events taken, in the order in which they came, each once.
  var events: [Event] { state.withLock { $0.events } }
  var writeCount: Int { state.withLock { $0.writeCount } }
  /// Events of people for whom the vault had no key yet.
  var eventsWithoutKey: Int { state.withLock { $0.withoutKey } }

  /// Runs `body` with a connection to all three on loopback.
  func withConnection(_ body: (RPCClient) async throws -> Void) async throws {
    try await withLoopbackServer(
      { router in
        StubVault(stub: self).register(on: &router)
        StubConsent(stub: self).register(on: &router)
        StubStore(stub: self).register(on: &router)
      }, body)
  }

  static func pid(_ identifier: String) -> [UInt8] {
    let bytes = Array(identifier.utf8.prefix(32))
    return bytes + [UInt8](repeating: 0, count: 32 - bytes.count)
  }

  fileprivate func pseudonyms(_ request: PseudonymizeRequest) async throws -> [Pseudonym] {
    let values = request.identifiers.map(\.value)
    let creationMs = state.withLock { state in
      state.lookups.append(Lookup(identifiers: values, create: request.create))
      return request.create ? state.creationMs : 0
    }
    if creationMs > 0 { try await Task.sleep(for: .milliseconds(creationMs)) }
    return state.withLock { state in
      values.map { value in
        if let refusal = state.refusals[value] { return Pseudonym(refusal: refusal) }
        let pid = Self.pid(value)
        state.valueByPid[pid] = value
        let known = state.created.contains(value)
        if request.create { state.created.insert(value) }
        return Pseudonym(pid: pid, known: known)
      }
    }
  }

  fileprivate func check(_ request: CheckRequest) -> CheckReply {
    state.withLock { state in
      state.scopes.insert(request.scope)
      guard let value = state.valueByPid[request.pid], state.allowed.contains(value) else {
        let reason = state.valueByPid[request.pid].flatMap { state.reasons[$0] }
        return CheckReply(granted: false, reason: reason ?? .neverAsked)
      }
      return CheckReply(granted: true, reason: .granted, consentID: "c_\(value)")
    }
  }

  fileprivate func write(_ request: WriteEventsRequest) throws -> WriteReply {
    try state.withLock { state in
      state.writeCount += 1
      if !state.failures.isEmpty { throw state.failures.removeFirst() }
      if let limit = state.failingAfter, state.events.count >= limit {
        throw RPCError(.internalError, "the disk is full")
      }
      var reply = WriteReply()
      for (index, event) in request.events.enumerated() {
        let value = state.valueByPid[event.pid] ?? ""
        if !state.created.contains(value) { state.withoutKey += 1 }
        if let reason = state.rejections[event.eventID] {
          reply.rejections.append(Rejection(index: UInt32(index), reason: reason))
        } else if state.events.contains(where: { $0.eventID == event.eventID }) {
          reply.duplicates += 1
        } else {
          state.events.append(event)
          reply.written += 1
        }
      }
      return reply
    }
  }
}

private struct StubVault: VaultServing {
  let stub: IngestStubs

  func pseudonymize(
    _ request: PseudonymizeRequest, context: CallContext
  ) async throws -> PseudonymizeReply {
    PseudonymizeReply(pseudonyms: try await stub.pseudonyms(request), keyVersion: 1)
  }

  func pseudonymizeStream(
    _ requests: RequestStream<PseudonymizeRequest>, replies: ReplyWriter<PseudonymizeReply>,
    context: CallContext
  ) async throws {}

  func link(_ request: LinkRequest, context: CallContext) async throws -> LinkReply { LinkReply() }

  func show(
    _ request: VaultAPI.ShowRequest, context: CallContext
  ) async throws -> ShowReply { ShowReply() }

  func subjectKeys(
    _ request: SubjectKeysRequest, context: CallContext
  ) async throws -> SubjectKeysReply { SubjectKeysReply() }

  func forgotten(
    _ request: ForgottenRequest, context: CallContext
  ) async throws -> ForgottenReply { ForgottenReply() }

  func forget(
    _ request: ForgetRequest, context: CallContext
  ) async throws -> ForgetReply { ForgetReply() }

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

/// What an ingest asks of the consent service, and nothing else of it.
private struct StubConsent {
  let stub: IngestStubs

  func register(on router: inout Router) {
    router.unary(ConsentMethods.checkBatch) {
      (request: CheckBatchRequest, _: CallContext) async throws -> CheckBatchReply in
      CheckBatchReply(replies: request.checks.map(stub.check))
    }
    router.inlineUnary(ConsentMethods.check) {
      (request: CheckRequest, _: CallContext) throws -> CheckReply in stub.check(request)
    }
  }
}

private struct StubStore: FeaturesServing {
  let stub: IngestStubs

  func writeEvents(
    _ request: WriteEventsRequest, context: CallContext
  ) async throws -> WriteReply { try stub.write(request) }

  func applyViews(
    _ request: ApplyViewsRequest, context: CallContext
  ) async throws -> ApplyViewsReply { ApplyViewsReply() }

  func listViews(_ request: ListViewsRequest, context: CallContext) async throws -> ListViewsReply {
    ListViewsReply()
  }

  func writeRows(
    _ request: WriteRowsRequest, context: CallContext
  ) async throws -> WriteReply { WriteReply() }

  func get(_ request: GetRequest, context: CallContext) async throws -> GetReply { GetReply() }

  func trainingSet(
    _ request: TrainingSetRequest, replies: ReplyWriter<TrainingBatch>, context: CallContext
  ) async throws {}

  func holdings(
    _ request: HoldingsRequest, replies: ReplyWriter<HoldingsChunk>, context: CallContext
  ) async throws {}
}
