internal import Cryptography
internal import Foundation
internal import IdentityVaultService
internal import KeyManagement
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import StoredMessages
internal import Synchronization
internal import TestSupport
internal import Testing
internal import VaultAPI

@Suite("Destroying a subject key")
struct DestructionTests {
  private struct Crash: Error {}

  /// Cuts destructions off at one step, while it is told to.
  private final class Interruption: Sendable {
    let step: DestructionStep
    private let state = Mutex((isArmed: false, count: 0))

    init(at step: DestructionStep) { self.step = step }

    var isArmed: Bool {
      get { state.withLock { $0.isArmed } }
      set { state.withLock { $0.isArmed = newValue } }
    }

    func pass(_ step: DestructionStep) throws {
      if isArmed, step == self.step { throw Crash() }
    }
  }

  @Test(
    "cut off at any step, the next start finishes it or nothing has happened",
    arguments: DestructionStep.allCases)
  func cutOff(at step: DestructionStep) async throws {
    try await withTemporaryDirectory { parent async throws in
      let place = parent.appending(path: "vault")
      let backup = parent.appending(path: "backup")
      let interruption = Interruption(at: step)
      var pids: [[UInt8]] = []
      try await VaultFixture.run(in: place, interrupt: interruption.pass) { fixture async throws in
        pids = try await fixture.pseudonymize([email("a@example.com"), email("b@example.com")])
          .map(\.pid)
        try await fixture.link(email("a@example.com"), email("c@example.com"))
        try fixture.store.backup(to: backup, companions: ["keys.json"])
        interruption.isArmed = true
        await #expect(throws: Crash.self) { try await fixture.forget(pids[0]) }
        // Whoever asks now: all of the person or nothing.
        let key = try await fixture.subjectKeys([pids[0]])
        #expect(key.first?.forgotten == (step != .prepared))
      }
      // A file that is newer than the store sets slots aside anew: that is an epoch more.
      let epoch = step == .prepared ? 1 : step == .destroyed ? 3 : 2
      try await VaultFixture.run(in: place) { fixture async throws in
        #expect(await fixture.measure("subject_key_epoch") == Double(epoch))
        #expect(await fixture.measure("people") == (step == .prepared ? 2 : 1))
        let reply = try await fixture.forget(pids[0])
        #expect(reply == ForgetReply(identifiersRemoved: 2, keyDestroyed: true, keyEpoch: 2))
        #expect(await fixture.measure("subject_key_epoch") == Double(max(2, epoch)))
        #expect(try await fixture.subjectKeys(pids).map(\.key.count) == [0, 32])
        #expect(try fixture.auditedActions().count { $0 == "vault.forget" } == 1)
        #expect(try fixture.store.read { try $0.count(VaultTables.slotsGivenUp) } == 0)
      }
      try SealedStore.restore(from: backup, to: place, force: true)
      try await VaultFixture.run(in: place) { fixture async throws in
        #expect(try await fixture.subjectKeys(pids).map(\.key.count) == [0, 32])
      }
    }
  }

  @Test(
    "cut off in a process that lives on, the same call finishes it",
    arguments: DestructionStep.allCases)
  func again(at step: DestructionStep) async throws {
    try await withTemporaryDirectory { place async throws in
      let interruption = Interruption(at: step)
      try await VaultFixture.run(in: place, interrupt: interruption.pass) { fixture async throws in
        let pids = try await fixture.pseudonymize([email("a@example.com"), email("b@example.com")])
          .map(\.pid)
        interruption.isArmed = true
        await #expect(throws: Crash.self) { try await fixture.forget(pids[0]) }
        interruption.isArmed = false
        #expect(
          try await fixture.forget(pids[0])
            == ForgetReply(identifiersRemoved: 1, keyDestroyed: true, keyEpoch: 2))
        #expect(try fixture.store.read { try $0.count(VaultTables.slotsGivenUp) } == 0)
        #expect(await fixture.measure("subject_key_epoch") == 2)
        #expect(try await fixture.subjectKeys(pids).map(\.key.count) == [0, 32])
        #expect(try await fixture.forget(pids[1]).keyEpoch == 3)
      }
    }
  }

  @Test("cut off after the file, a store from before it is healed as well")
  func cutOffAndRestored() async throws {
    try await withTemporaryDirectory { parent async throws in
      let place = parent.appending(path: "vault")
      let backup = parent.appending(path: "backup")
      let interruption = Interruption(at: .destroyed)
      var pid: [UInt8] = []
      try await VaultFixture.run(in: place, interrupt: interruption.pass) { fixture async throws in
        pid = try await fixture.pid(email("a@example.com"))
        try fixture.store.backup(to: backup, companions: ["keys.json"])
        interruption.isArmed = true
        await #expect(throws: Crash.self) { try await fixture.forget(pid) }
      }
      try SealedStore.restore(from: backup, to: place, force: true)
      try await VaultFixture.run(in: place) { fixture async throws in
        #expect(try await fixture.show(pid) == ShowReply(forgotten: true))
        #expect(try fixture.auditedActions() == ["vault.record", "vault.forget"])
      }
    }
  }

  @Test("many at once share an epoch; each is destroyed when it is answered")
  func together() async throws {
    try await withTemporaryDirectory { place async throws in
      let kms = CountingKeyManagement(try VaultFixture.kms())
      try await VaultFixture.run(in: place, kms: kms) { fixture async throws in
        let pids = try await fixture.pseudonymize((0..<300).map { email("p\($0)@example.com") })
          .map(\.pid)
        let wrapsBefore = kms.wrapCount
        let replies = try await withThrowingTaskGroup { group in
          for pid in pids[..<200] {
            group.addTask { try await fixture.forget(pid) }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(replies.count == 200)
        #expect(replies.allSatisfy { $0.keyDestroyed && $0.keyEpoch > 1 })
        let epochs = Set(replies.map(\.keyEpoch))
        #expect(epochs.count < 200)
        #expect(kms.wrapCount - wrapsBefore == epochs.count)
        let keys = try await fixture.subjectKeys(pids)
        #expect(keys.map(\.forgotten) == (0..<300).map { $0 < 200 })
      }
    }
  }

  @Test("while the KMS is away nobody is half forgotten, and what is done is answered")
  func kmsAway() async throws {
    try await withTemporaryDirectory { place async throws in
      let kms = CountingKeyManagement(try VaultFixture.kms())
      try await VaultFixture.run(in: place, kms: kms) { fixture async throws in
        let pids = try await fixture.pseudonymize([email("a@example.com"), email("b@example.com")])
          .map(\.pid)
        let done = try await fixture.forget(pids[0])
        kms.isAway = true
        let error = await #expect(throws: CoverFileError.self) { try await fixture.forget(pids[1]) }
        #expect(error?.rpcError.code == .unavailable)
        #expect(try await fixture.subjectKeys([pids[1]]).first?.key.count == 32)
        #expect(try await fixture.show(pids[1]).identifiers.count == 1)
        #expect(try await fixture.forget(pids[0]) == done)
        // Recording goes on, in the slots that were set aside.
        #expect(try await fixture.pid(email("c@example.com")).count == 32)
        kms.isAway = false
        #expect(try await fixture.forget(pids[1]).keyDestroyed)
      }
    }
  }

  @Test("a full disk refuses to forget; once there is room the same call does it")
  func diskFull() async throws {
    try await withTemporaryDirectory { place async throws in
      let disk = MemoryDisk()
      var pid: [UInt8] = []
      try await VaultFixture.run(in: place, disk: disk) { fixture async throws in
        pid = try await fixture.pid(email("a@example.com"))
        disk.failNextCommit(with: .diskFull("no space left"), reachesDisk: false)
        await #expect(throws: StoreError.self) { try await fixture.forget(pid) }
        #expect(try await fixture.subjectKeys([pid]).first?.key.count == 32)
        disk.mend()
      }
      try await VaultFixture.run(in: place, disk: disk) { fixture async throws in
        #expect(try await fixture.subjectKeys([pid]).first?.key.count == 32)
        #expect(try await fixture.forget(pid).keyDestroyed)
        #expect(try await fixture.show(pid) == ShowReply(forgotten: true))
      }
    }
  }

  @Test("identifiers are sealed under the person's own key")
  func identifiersUnderKey() async throws {
    try await VaultFixture.run { fixture async throws in
      _ = try await fixture.pid(email("ann@example.com"))
      try await fixture.link(email("ann@example.com"), phone("+49 170 1234567"))
      #expect(throws: StoreError.subjectKeyNeeded(table: "identifiers")) {
        try fixture.store.read { try $0.rows(VaultTables.identifiers) }
      }
      #expect(try fixture.store.read { try $0.count(VaultTables.identifiers) } == 2)
    }
  }
}

/// Counts what it wraps, and can be away.
final class CountingKeyManagement: KeyManagementService {
  private let inner: FileKeyManagementService
  private let state = Mutex((wrapCount: 0, isAway: false))

  init(_ inner: FileKeyManagementService) { self.inner = inner }

  var wrapCount: Int { state.withLock { $0.wrapCount } }
  var isAway: Bool {
    get { state.withLock { $0.isAway } }
    set { state.withLock { $0.isAway = newValue } }
  }
  var providerName: String { inner.providerName }

  func wrap(
    _ key: borrowing SecretBytes, context: [String: String]
  ) async throws(KeyManagementError) -> WrappedKey {
    try check()
    return try await inner.wrap(key, context: context)
  }

  func unwrap(
    _ wrapped: WrappedKey, context: [String: String]
  ) async throws(KeyManagementError) -> SecretBytes {
    try check()
    return try await inner.unwrap(wrapped, context: context)
  }

  private func check() throws(KeyManagementError) {
    let isAway = state.withLock { state in
      state.wrapCount += 1
      return state.isAway
    }
    if isAway { throw .unavailable(reason: "the connection was refused") }
  }
}
