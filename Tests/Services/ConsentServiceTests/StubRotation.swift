import ConsentService
import Foundation
import PrivacyCore
import RPC
import ServiceKit
import Synchronization
import TestSupport
import Transport
import VaultAPI

/// A vault of which only the rotation of pid keys is there, and goes as a test says.
final class StubRotation: RotationServing {
  struct State: Sendable {
    var rotation: UInt32 = 1
    var phase = RotationPhase.dualWrite
    var renamings: [PersonRenaming] = []
    var retiredRotation: UInt32 = 0
    var isUp = true
    /// Gives out a page with a number left out.
    var leavesGap = false
    var reports: [RekeyReport] = []
  }

  private let state = Mutex(State())
  private let pageCount: Int

  /// - Parameter pageCount: how many renamings it gives out at a time.
  init(pageCount: Int = 3) { self.pageCount = pageCount }

  func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }

  var last: RekeyReport? { state.withLock { $0.reports.last } }

  /// Decides that these people get the pids of others.
  func rename(_ people: [(former: UInt64, new: UInt64)]) {
    state.withLock { state in
      for person in people {
        state.renamings.append(
          PersonRenaming(
            number: UInt64(state.renamings.count) + 1, former: Example.pid(person.former),
            pid: Example.pid(person.new)))
      }
    }
  }

  /// Waits until the consent service says that all of it has its effect.
  func settled() async throws {
    try await eventually("all renamings have their effect") {
      state.withLock { state in
        state.reports.last?.rotation == state.rotation
          && state.reports.last?.renamings == UInt64(state.renamings.count)
      }
    }
  }

  /// Runs `body` with a client of it.
  func run<Result>(_ body: (RotationClient) async throws -> Result) async throws -> Result {
    var router = Router()
    register(on: &router)
    let server = RPCServer(
      router: router, endpoint: try Endpoint(host: "127.0.0.1", port: 0),
      security: .plainLoopback, authorizer: AccessPolicy(), log: silentLog)
    let client = try RPCClient(
      endpoint: try await server.start(), security: .plainLoopback, log: silentLog)
    do {
      let result = try await body(RotationClient(client))
      await client.close()
      await server.drain(timeoutMs: 0)
      return result
    } catch {
      await client.close()
      await server.drain(timeoutMs: 0)
      throw error
    }
  }

  // MARK: Answers

  private func answer<Answer>(_ make: (inout State) throws -> Answer) throws -> Answer {
    try state.withLock { state in
      guard state.isUp else { throw RPCError(.unavailable, "no vault") }
      return try make(&state)
    }
  }

  func begin(_ request: BeginRotationRequest, context: CallContext) async throws -> RotationStatus {
    RotationStatus()
  }

  func advance(
    _ request: AdvanceRotationRequest, context: CallContext
  ) async throws -> RotationStatus { RotationStatus() }

  func abandon(
    _ request: AbandonRotationRequest, context: CallContext
  ) async throws -> RotationStatus { RotationStatus() }

  func status(
    _ request: RotationStatusRequest, context: CallContext
  ) async throws -> RotationStatus { RotationStatus() }

  func renamings(
    _ request: RenamingsRequest, context: CallContext
  ) async throws -> RenamingsReply {
    try answer { state in
      guard state.phase == .dualWrite || state.phase == .dualRead else { return RenamingsReply() }
      var page = Array(state.renamings.filter { $0.number > request.after }.prefix(pageCount))
      if state.leavesGap, page.count > 1 { page.remove(at: 0) }
      return RenamingsReply(
        renamings: page.map {
          Renaming(number: $0.number, formerPid: $0.former.bytes, pid: $0.pid.bytes)
        }, rotation: state.rotation)
    }
  }

  func report(_ request: RekeyReport, context: CallContext) async throws -> RotationNews {
    try answer { state in
      state.reports.append(request)
      return RotationNews(
        rotation: state.phase == .retired ? 0 : state.rotation, phase: state.phase,
        renamings: UInt64(state.renamings.count), retiredRotation: state.retiredRotation,
        reportAfterMs: 5)
    }
  }

  /// As the vault judges: by what it decided.
  func standings(
    _ request: StandingsRequest, context: CallContext
  ) async throws -> StandingsReply {
    try answer { state in
      let formers = Set(state.renamings.map(\.former.bytes))
      let current = Set(state.renamings.map(\.pid.bytes))
      return StandingsReply(
        standings: request.pids.map { pid in
          let standing: PidStanding =
            formers.contains(pid) ? .former : current.contains(pid) ? .current : .unspecified
          return UInt8(standing.rawValue)
        })
    }
  }
}
