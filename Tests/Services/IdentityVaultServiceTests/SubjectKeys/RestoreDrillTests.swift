internal import Foundation
internal import IdentityVaultService
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import TestSupport
internal import Testing
internal import Transport
internal import VaultAPI

@Suite("A vault that is restored from an old backup")
struct RestoreDrillTests {
  /// What the vault tells of a person: none of it for somebody who was erased.
  private struct Readable {
    var subjectKeys = 0
    var shown = 0
    var revealed = 0

    init(_ pids: [[UInt8]], in fixture: VaultFixture) async throws {
      subjectKeys = try await fixture.subjectKeys(pids).count { !$0.key.isEmpty }
      for pid in pids {
        let shown = try await fixture.show(pid)
        self.shown += shown.forgotten ? 0 : shown.identifiers.count
      }
      let (id, token) = try await fixture.approvedCase(pids)
      let people = try await fixture.redeem(id, token)
      revealed = people.reduce(0) { $0 + $1.identifiers.count }
    }
  }

  @Test("gives nothing of the three who were erased since, and all of the other 47")
  func drill() async throws {
    try await withTemporaryDirectory { parent async throws in
      let place = parent.appending(path: "vault")
      let backup = parent.appending(path: "backup")
      var pids: [[UInt8]] = []
      var alias: [UInt8] = []
      var keys: [SubjectKey] = []
      try await VaultFixture.run(in: place) { fixture async throws in
        pids = try await fixture.pseudonymize((0..<50).map { email("p\($0)@example.com") }).map(
          \.pid)
        alias = try await fixture.pid(phone("+49 170 1234567"), create: false)
        try await fixture.link(email("p1@example.com"), phone("+49 170 1234567"))
        keys = try await fixture.subjectKeys(pids)
        try fixture.store.backup(to: backup, companions: ["keys.json"])
        // Together: they share an epoch or have one each.
        try await withThrowingTaskGroup { group in
          for pid in pids[..<3] {
            group.addTask { try await fixture.forget(pid) }
          }
          try await group.waitForAll()
        }
        // Somebody new takes slots that the backup does not know of.
        _ = try await fixture.pid(email("late@example.com"))
      }
      try SealedStore.restore(from: backup, to: place, force: true)
      try await VaultFixture.run(in: place) { fixture async throws in
        // Re-identification is frozen in a restored store.
        try await fixture.unfreeze(by: People.ben)
        try await fixture.unfreeze(by: People.dan)
        let erased = try await Readable(Array(pids[..<3]) + [alias], in: fixture)
        #expect(erased.subjectKeys == 0)
        #expect(erased.shown == 0)
        #expect(erased.revealed == 0)
        for pid in pids[..<3] + [alias] {
          #expect(try await fixture.show(pid) == ShowReply(forgotten: true))
        }
        let others = try await Readable(Array(pids[3...]), in: fixture)
        #expect(others.subjectKeys == 47)
        #expect(others.shown == 47)
        #expect(others.revealed == 47)
        #expect(try await fixture.subjectKeys(pids).dropFirst(3) == keys.dropFirst(3))

        // Nor are they recorded again.
        let again = try await fixture.pseudonymize([
          email("p0@example.com"), phone("+49 170 1234567"),
        ])
        #expect(again.map(\.refusal) == [String](repeating: "this person was forgotten", count: 2))
        #expect(try await fixture.forget(pids[0]).keyDestroyed)
        #expect(await fixture.measure("people") == 47)
        #expect(await fixture.measure("forgotten") == 4)

        // A person whom the backup does not know gets a slot that nobody had since; the two who
        // were
        // refused cost one each.
        let late = try await fixture.pid(email("late@example.com"))
        #expect(try await fixture.subjectKeys([late]).first?.key.count == 32)
        #expect(await fixture.measure("subject_key_slots") == Double((1 << 20) + 3))
      }
      // And the next start finds all as it was left.
      try await VaultFixture.run(in: place) { fixture async throws in
        #expect(try await fixture.subjectKeys(Array(pids[..<3])).allSatisfy(\.forgotten))
        #expect(await fixture.measure("people") == 48)
      }
    }
  }

  @Test("a backup alone, without the file of the key tree, opens nothing")
  func backupAlone() async throws {
    try await withTemporaryDirectory { parent async throws in
      let place = parent.appending(path: "vault")
      let backup = parent.appending(path: "backup")
      let elsewhere = parent.appending(path: "elsewhere")
      try await VaultFixture.run(in: place) { fixture async throws in
        _ = try await fixture.pid(email("ann@example.com"))
        try fixture.store.backup(to: backup, companions: ["keys.json"])
      }
      let names = try FileManager.default.subpathsOfDirectory(atPath: backup.path)
      #expect(!names.contains { $0.contains(CoverFile.fileName) })
      try SealedStore.restore(from: backup, to: elsewhere)
      await #expect(throws: CoverFileError.missing(path: Self.file(in: elsewhere).path)) {
        try await VaultFixture.run(in: elsewhere) { _ in }
      }
      #expect(!FileManager.default.fileExists(atPath: Self.file(in: elsewhere).path))
    }
  }

  @Test("a file that was restored with an old backup is refused")
  func oldFile() async throws {
    try await withTemporaryDirectory { place async throws in
      let copy = place.appending(path: "old.epoch")
      let file = Self.file(in: place)
      try await VaultFixture.run(in: place) { fixture async throws in
        let pid = try await fixture.pid(email("ann@example.com"))
        try FileManager.default.copyItem(at: file, to: copy)
        try await fixture.forget(pid)
      }
      try FileManager.default.removeItem(at: file)
      try FileManager.default.copyItem(at: copy, to: file)
      await #expect(
        throws: CoverFileError.olderThanStore(path: file.path, epoch: 1, storeEpoch: 2)
      ) {
        try await VaultFixture.run(in: place) { _ in }
      }
    }
  }

  @Test("a merged pid's key does not come back either")
  func merged() async throws {
    try await withTemporaryDirectory { parent async throws in
      let place = parent.appending(path: "vault")
      let backup = parent.appending(path: "backup")
      var pids: [[UInt8]] = []
      try await VaultFixture.run(in: place) { fixture async throws in
        pids = try await fixture.pseudonymize([email("a@example.com"), email("b@example.com")])
          .map(\.pid)
        try fixture.store.backup(to: backup, companions: ["keys.json"])
        try await fixture.merge(pids[1], into: pids[0])
        #expect(await fixture.measure("subject_key_epoch") == 2)
        #expect(try await fixture.show(pids[0]).identifiers.count == 2)
      }
      try SealedStore.restore(from: backup, to: place, force: true)
      try await VaultFixture.run(in: place) { fixture async throws in
        let keys = try await fixture.subjectKeys(pids)
        #expect(keys.map(\.key.count) == [32, 0])
        #expect(keys.map(\.forgotten) == [false, true])
      }
    }
  }

  private static func file(in directory: URL) -> URL {
    directory.appending(path: CoverFile.fileName)
  }
}
