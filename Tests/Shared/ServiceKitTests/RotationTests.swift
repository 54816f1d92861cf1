internal import AuditAPI
internal import AuditLog
internal import Cryptography
internal import Foundation
internal import HealthAPI
internal import KeyManagement
internal import Logging
internal import PrivacyCore
internal import RPC
internal import RPCTestSupport
internal import SealedStore
internal import ServiceKit
internal import TestSupport
internal import Testing
internal import Transport

@Suite("Rotation of a running service's key")
struct RotationTests {
  private static let notes = StoreTable<UInt64, String>("notes", id: 1)

  /// A service that holds 2,000 notes, and what asks it.
  private struct Running {
    let store: SealedStore
    let keys: ServiceKeys
    let audit: AuditLog
    let rotation: RotationClient
    let incident: IncidentClient
  }

  private func withService(
    _ directory: URL, noteCount: UInt64 = 2_000, _ body: (Running) async throws -> Void
  ) async throws {
    let kms = try FileKeyManagementService(
      rootKey: SecretBytes(copying: [UInt8](repeating: 9, count: 32)))
    let keys = try await ServiceKeys.open(service: "vault", directory: directory, kms: kms)
    let store = try SealedStore.open(
      at: directory, keys: try keys.sealingKeys(purpose: "at-rest"),
      tables: [Self.notes] + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: "vault"))
    defer { store.close() }
    try await store.write { transaction in
      for number in 0..<noteCount { try transaction.put(Self.notes, number, "note \(number)") }
    }
    let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let runtime = try ServiceRuntime(service: .vault, store: store, keys: keys, log: log) { _ in
      throw RPCError(.unavailable, "nobody else is here")
    }
    try await runtime.audit.start()
    try await withLoopbackServer({
      RotationService(runtime: runtime).register(on: &$0)
      IncidentService(runtime: runtime).register(on: &$0)
    }) {
      try await body(
        Running(
          store: store, keys: keys, audit: runtime.audit, rotation: RotationClient($0),
          incident: IncidentClient($0)))
    }
    try await runtime.audit.close()
  }

  private func waitUntilDone(_ running: Running) async throws -> RotationStatus {
    while true {
      let status = try await running.rotation.showRotation(ShowRotationRequest())
      if status.state != .running { return status }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  private func actions(_ running: Running) throws -> [String] {
    try running.audit.records(limit: 1_000).map(\.action)
  }

  private func expectRefused(
    _ status: StatusCode, _ text: String, _ body: () async throws -> Void
  ) async {
    let error = await #expect(throws: RPCError.self) { try await body() }
    #expect(error?.code == status)
    #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
  }

  @Test("start, count, retire: each step is logged, and what is sealed stays readable")
  func wholeWay() async throws {
    try await withTemporaryDirectory { directory in
      try await withService(directory) { running in
        let begun = try await running.rotation.startRotation(StartRotationRequest())
        #expect(begun.version == 2)
        let done = try await waitUntilDone(running)
        #expect(done.state == .done)
        #expect(done.resealedCount > 4_000 && done.remainingCount == 0)
        try await running.store.write { try $0.put(Self.notes, 0, "new") }

        let counted = try await running.rotation.showRotation(ShowRotationRequest(count: true))
        #expect(counted.versions.map(\.valueCount)[0] == 0)
        #expect(counted.versions.map(\.valueCount)[1] > 4_000)
        #expect(counted.versions.map(\.state) == ["retired", "active"])
        #expect(counted.versions[0].derived == ["signing audit-signing"])

        await expectRefused(.failedPrecondition, "confirm") {
          _ = try await running.rotation.retireVersion(RetireVersionRequest(version: 1))
        }
        await expectRefused(.failedPrecondition, "signing audit-signing") {
          _ = try await running.rotation.retireVersion(
            RetireVersionRequest(version: 1, confirmed: true))
        }
        let retired = try await running.rotation.retireVersion(
          RetireVersionRequest(version: 1, confirmed: true, keepDerived: true))
        #expect(retired.kept == ["signing audit-signing"])
        let cut = try await running.rotation.cutJournal(CutJournalRequest())
        #expect(cut.firstSequence > 1)
        #expect(
          try actions(running).filter { $0.hasPrefix("keys.") } == [
            "keys.rotate", "keys.resealed", "keys.retire", "keys.cut_journal",
          ])
        #expect(try running.store.read { try $0.count(Self.notes) } == 2_000)
        #expect(try running.store.verify().isWhole)
        let shown = try await running.rotation.showRotation(ShowRotationRequest())
        #expect(shown.versions.map(\.state) == ["destroyed", "active"])
        #expect(!shown.versions[0].destroyedAt.isEmpty)
      }
      // The next start has no key of version 1 and needs none; its log goes on under the same key.
      try await withService(directory, noteCount: 1) { running in
        #expect(try running.store.read { try $0.count(Self.notes) } == 2_000)
        guard case .intact = try running.audit.verify() else {
          Issue.record("the log is broken")
          return
        }
      }
    }
  }

  @Test("a version with values left, an unknown one and the active one are not retired")
  func refusals() async throws {
    try await withTemporaryDirectory { directory in
      try await withService(directory) { running in
        try await running.keys.addVersion()
        try await running.store.adopt(running.keys.sealingKeys(purpose: "at-rest"))
        await expectRefused(.failedPrecondition, "values are still sealed under key 1") {
          _ = try await running.rotation.retireVersion(
            RetireVersionRequest(version: 1, confirmed: true, keepDerived: true))
        }
        for version in [UInt32(0), 2, 3] {
          await expectRefused(.failedPrecondition, "version \(version) is not one") {
            _ = try await running.rotation.retireVersion(
              RetireVersionRequest(version: version, confirmed: true))
          }
        }
        #expect(running.keys.versions.map(\.state) == [.retired, .active])
        await expectRefused(.failedPrecondition, "not being sealed") {
          _ = try await running.rotation.pauseRotation(PauseRotationRequest())
        }
        await expectRefused(.invalidArgument, "a pace is") {
          _ = try await running.rotation.startRotation(
            StartRotationRequest(valuesPerSecondMax: 10_000_001))
        }
        // Refused steps leave nothing in the log.
        #expect(try actions(running).filter { $0.hasPrefix("keys.") }.isEmpty)
      }
    }
  }

  @Test("a second start while one runs is refused; pause and resume make no further version")
  func pausing() async throws {
    try await withTemporaryDirectory { directory in
      try await withService(directory) { running in
        _ = try await running.rotation.startRotation(
          StartRotationRequest(valuesPerSecondMax: 500))
        await expectRefused(.failedPrecondition, "values are left") {
          _ = try await running.rotation.startRotation(StartRotationRequest())
        }
        await expectRefused(.failedPrecondition, "already") {
          _ = try await running.rotation.retireVersion(
            RetireVersionRequest(version: 1, confirmed: true, keepDerived: true))
        }
        #expect(running.keys.currentVersion == 2)
        let paused = try await running.rotation.pauseRotation(PauseRotationRequest())
        #expect(paused.state == .paused)
        _ = try await running.rotation.resumeRotation(
          ResumeRotationRequest(valuesPerSecondMax: 1_000_000))
        #expect(try await waitUntilDone(running).state == .done)
        #expect(running.keys.currentVersion == 2)
        #expect(
          try actions(running).filter { $0.hasPrefix("keys.") }.prefix(3) == [
            "keys.rotate", "keys.pause", "keys.resume",
          ])
      }
    }
  }

  @Test("a window tells callers, people and the versions of the key; asking is logged")
  func window() async throws {
    try await withTemporaryDirectory { directory in
      try await withService(directory, noteCount: 1) { running in
        let pid = try #require(PseudonymousID(bytes: [UInt8](repeating: 5, count: 32)))
        let from = SystemTime().now
        try await running.audit.append(
          AuditEntry(principal: "p", action: "vault.show", purpose: "care", pids: [pid]))
        try running.audit.recordRead(
          AuditEntry(principal: "q", action: "vault.look", pids: [pid]))
        let to = SystemTime().now.advanced(byMicroseconds: 1)
        let request = ShowWindowRequest(
          fromUs: from.microseconds, toUs: to.microseconds, listPids: true)
        let window = try await running.incident.showWindow(request)
        #expect(window.lines.map(\.principal).sorted() == ["p", "q"])
        #expect(window.pids == [pid.bytes] && window.pidCount == 1)
        #expect(window.readCount == 1)
        #expect(window.keys.map(\.version) == [1])
        #expect(window.logProblem.isEmpty && window.verifiedCount > 0)
        #expect(try actions(running).last == "incident.show_window")
        let counted = try await running.incident.showWindow(
          ShowWindowRequest(fromUs: request.fromUs, toUs: request.toUs))
        #expect(counted.pids.isEmpty && counted.pidCount == 1)
        await expectRefused(.invalidArgument, "ends after it begins") {
          _ = try await running.incident.showWindow(
            ShowWindowRequest(fromUs: request.toUs, toUs: request.toUs))
        }
      }
    }
  }

  @Test(
    "who rotates, who sees windows and who sees pids",
    arguments: [
      ("security", [true, true, true, false]), ("privacy", [false, false, true, true]),
      ("admin", [true, true, true, false]), ("analyst", [false, false, false, false]),
      ("marketing", [false, false, false, false]),
    ])
  func roles(role: String, expected: [Bool]) throws {
    let scopes = ["keys.rotate", "keys.retire", "incident.read", "incident.people"]
    let peer = try PeerIdentity.user(role: role, name: "somebody")
    #expect(scopes.map { AccessPolicy().permits(peer, scope: $0) } == expected)
  }
}
