internal import Cryptography
internal import IdentityVaultService
internal import KeyManagement
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import StoredMessages
internal import TestSupport
internal import Testing
internal import Transport
internal import VaultAPI

@Suite("The phases of a rotation of pid keys")
struct PidRotationTests {
  private let ann = email("ann@example.com")
  private let mobile = phone("+49 170 1234567")
  private let ben = email("ben@example.com")

  @Test("everybody gets another pid, the former one means the same person until the end")
  func wholeRotation() async throws {
    try await VaultFixture.run { fixture async throws in
      let former = try await fixture.pid(ann)
      try await fixture.link(ann, mobile)
      let key = try await fixture.subjectKeys([former])
      let begun = try await fixture.begin()
      #expect(begun.rotation == 1 && begun.phase == .pending && begun.domain == "default")
      #expect(begun.formerKeyVersion == 1 && begun.keyVersion == 2 && !begun.independent)
      #expect(try await fixture.renamings() == RenamingsReply())
      try await fixture.work()
      let computed = try await fixture.rotation()
      #expect(computed.computed == 2 && computed.pids == 2 && computed.renamings == 0)
      #expect(computed.waitsFor == [])
      #expect(try await fixture.names(ann) == Pseudonym(pid: former, known: true))

      let dualWrite = try await fixture.advance(.dualWrite)
      #expect(dualWrite.renamings == 2)
      let renamings = try await fixture.renamings()
      #expect(renamings.rotation == 1 && renamings.renamings.map(\.number) == [1, 2])
      let new = try await fixture.next(of: former)
      #expect(new != former)
      // Nobody is told of it before every gate knows.
      #expect(try await fixture.names(ann) == Pseudonym(pid: former, known: true))
      try await fixture.confirm()
      let both = Pseudonym(pid: former, known: true, otherPid: new)
      #expect(try await fixture.names(ann) == both)
      #expect(try await fixture.names(mobile) == both)
      #expect(try await fixture.pid(ann) == former)

      try await fixture.advance(.dualRead)
      for _ in 0..<2 {
        #expect(try await fixture.names(ann) == Pseudonym(pid: new, known: true, otherPid: former))
        #expect(
          try await fixture.names(mobile) == Pseudonym(pid: new, known: true, otherPid: former))
        #expect(try await fixture.subjectKeys([former]) == key)
        #expect(try await fixture.subjectKeys([new]) == key)
        try await fixture.work()
      }
      #expect(try await fixture.rotation().vaultRowsLeft == 0)
      try await fixture.scanAll()
      #expect(try await fixture.advance(.retired).phase == .retired)
      try await fixture.work()
      #expect(try await fixture.names(ann) == Pseudonym(pid: new, known: true))
      #expect(try await fixture.pid(mobile) == new)
      #expect(try await fixture.subjectKeys([new]) == key)
      #expect(try await fixture.subjectKeys([former]) == [SubjectKey()])
      await #expect(throws: VaultRefusal.unknownPerson) { try await fixture.show(former) }
      #expect(try await fixture.standings([former, new]) == [.unspecified, .current])
      #expect(try await fixture.renamings() == RenamingsReply())
      for table in [RotationTables.successors, RotationTables.predecessors] {
        #expect(try fixture.store.read { try $0.count(table) } == 0)
      }
      #expect(
        try fixture.auditedActions().filter { $0.hasPrefix("vault.rotation") }
          == ["vault.rotation_begin"] + [String](repeating: "vault.rotation_advance", count: 3))
    }
  }

  @Test("the new pid is given out from when its renaming is confirmed, the former one until then")
  func confirmation() async throws {
    try await VaultFixture.run { fixture async throws in
      let formers = try await fixture.pseudonymize([ann, ben]).map(\.pid)
      try await fixture.go(to: .dualWrite)
      try await fixture.confirm(1)
      let first = try await fixture.renamings().renamings[0]
      try await fixture.advance(.dualRead)
      for moves in [false, true] {
        if moves { try await fixture.work() }
        for (identifier, former) in zip([ann, ben], formers) {
          let isFirst = former == first.formerPid
          #expect(
            try await fixture.names(identifier)
              == Pseudonym(
                pid: isFirst ? first.pid : former, known: true, otherPid: isFirst ? former : []))
        }
      }
    }
  }

  @Test("newcomers have a renaming in the first two phases, and the new pid alone from then on")
  func newcomers() async throws {
    try await VaultFixture.run { fixture async throws in
      try await fixture.begin()
      let early = try await fixture.pid(email("early@example.com"))
      try await fixture.work()
      let pending = try await fixture.pid(email("pending@example.com"))
      #expect(try await fixture.rotation().computed == 2)
      try await fixture.advance(.dualWrite)
      let late = try await fixture.pid(email("late@example.com"))
      try await fixture.link(email("late@example.com"), mobile)
      let renamings = try await fixture.renamings().renamings
      #expect(renamings.map(\.number) == [1, 2, 3, 4])
      #expect(Set(renamings.map(\.formerPid)).isSuperset(of: [early, pending, late]))
      try await fixture.confirm()
      try await fixture.advance(.dualRead)
      let newest = try await fixture.pid(email("newest@example.com"))
      try await fixture.link(email("newest@example.com"), phone("+49 170 7654321"))
      #expect(try await fixture.rotation().renamings == 4)
      #expect(
        try await fixture.names(email("newest@example.com")) == Pseudonym(pid: newest, known: true))
      #expect(try await fixture.standings([newest]) == [.current])
      let next = try await fixture.next(of: late)
      #expect(try await fixture.pid(mobile, create: false) == next)
      try await fixture.finish()
      #expect(try await fixture.pid(email("newest@example.com")) == newest)
      #expect(try await fixture.pid(phone("+49 170 7654321")) == newest)
      #expect(try await fixture.pid(mobile, create: false) == next)
    }
  }

  @Test("another rotation follows, and the keys of both are remembered")
  func second() async throws {
    try await withTemporaryDirectory { directory async throws in
      var pids: [[UInt8]] = []
      try await VaultFixture.run(in: directory) { fixture async throws in
        for _ in 0..<3 {
          pids.append(try await fixture.pid(ann))
          try await fixture.begin()
          try await fixture.finish()
        }
        pids.append(try await fixture.pid(ann))
        #expect(Set(pids).count == 4)
        let status = try await fixture.rotation()
        #expect(status.rotation == 3 && status.formerKeyVersion == 3 && status.keyVersion == 4)
      }
      try await VaultFixture.run(in: directory) { fixture async throws in
        #expect(try await fixture.pid(ann) == pids[3])
      }
    }
  }

  @Test("one that is given up leaves nothing, and its key is not used again")
  func abandoned() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(ann)
      try await fixture.go(to: .pending)
      let status = try await fixture.abandon()
      #expect(status.rotation == 1 && status.phase == .unspecified)
      #expect(try await fixture.abandon() == status)
      try await fixture.work()
      #expect(try fixture.store.read { try $0.count(RotationTables.successors) } == 0)
      #expect(try await fixture.pid(ann) == pid)
      await #expect(throws: RotationRefusal.notRunning) { try await fixture.advance(.dualWrite) }
      let again = try await fixture.begin()
      #expect(again.rotation == 2 && again.formerKeyVersion == 1 && again.keyVersion == 3)
      try await fixture.work()
      try await fixture.advance(.dualWrite)
      await #expect(throws: RotationRefusal.notPending) { try await fixture.abandon() }
    }
  }

  @Test("steps are taken in order, one rotation at a time, and not by partners' pids")
  func order() async throws {
    var configuration = IdentityVaultConfiguration()
    configuration.domains = ["default", "newsletter"]
    configuration.obliviousDomains = ["partner"]
    try await VaultFixture.run(configuration: configuration) { fixture async throws in
      #expect(try await fixture.rotation() == RotationStatus())
      await #expect(throws: RotationRefusal.notRunning) { try await fixture.advance(.dualWrite) }
      await #expect(throws: RotationRefusal.notRunning) { try await fixture.abandon() }
      await #expect(throws: RotationRefusal.obliviousDomain("partner")) {
        try await fixture.begin("partner")
      }
      await #expect(throws: VaultRefusal.unknownDomain) { try await fixture.begin("nobody") }
      _ = try await fixture.pid(ann)
      let other = try await fixture.pid(ann, domain: "newsletter")
      try await fixture.begin("newsletter")
      await #expect(throws: RotationRefusal.running(rotation: 1, domain: "newsletter")) {
        try await fixture.begin()
      }
      await #expect(throws: RotationRefusal.waits(for: ["0 of 0 pids have a next one"])) {
        try await fixture.advance(.dualWrite)
      }
      for phase in [RotationPhase.dualRead, .retired, .unspecified, .unrecognized(9)] {
        await #expect(throws: RotationRefusal.notTheNextPhase) { try await fixture.advance(phase) }
      }
      try await fixture.work()
      // People of other domains have nothing to do with it.
      #expect(try await fixture.advance(.dualWrite).renamings == 1)
      #expect(try await fixture.advance(.dualWrite).renamings == 1)
      #expect(try await fixture.renamings().renamings.map(\.formerPid) == [other])
      await #expect(throws: RotationRefusal.notTheNextPhase) { try await fixture.advance(.pending) }
      let pid = try await fixture.pid(ann)
      try await fixture.finish()
      #expect(try await fixture.pid(ann) == pid)
      #expect(try await fixture.pid(ann, domain: "newsletter") != other)
    }
  }

  @Test("a store from before rotations gives the same pids, and the new key may be independent")
  func keys() async throws {
    try await withTemporaryDirectory { directory async throws in
      let keys = try await ServiceKeys.open(
        service: "vault", directory: directory, kms: VaultFixture.kms())
      let first = try keys.hmacKey(purpose: "pseudonym.email-v1", domain: "default", version: 1)
        .authenticate(Array("ann@example.com".utf8))
      try await VaultFixture.run(in: directory) { fixture async throws in
        #expect(try await fixture.pid(ann) == Array(first))
        await #expect(throws: RotationRefusal.notIndependent(version: 1)) {
          try await fixture.begin(independent: true)
        }
      }
      let later = try await ServiceKeys.open(
        service: "vault", directory: directory, kms: VaultFixture.kms())
      try await later.addVersion()
      var second: [UInt8] = []
      try await VaultFixture.run(in: directory) { fixture async throws in
        #expect(try await fixture.begin(independent: true).independent)
        try await fixture.finish()
        second = try await fixture.pid(ann)
      }
      let key = try later.hmacKey(
        purpose: "pseudonym.email-v1.key-2", domain: "default", version: 2)
      #expect(Array(try key.authenticate(Array("ann@example.com".utf8))) == second)
      try await VaultFixture.run(in: directory) { fixture async throws in
        #expect(try await fixture.pid(ann) == second)
      }
    }
  }
}
