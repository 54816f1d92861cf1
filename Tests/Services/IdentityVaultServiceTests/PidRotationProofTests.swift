internal import IdentityVaultService
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import StoredMessages
internal import TestSupport
internal import Testing
internal import Transport
internal import VaultAPI

@Suite("What a rotation of pid keys waits for")
struct PidRotationProofTests {
  private let ann = email("ann@example.com")

  /// A report that lets a rotation be retired.
  private func good(_ status: RotationStatus) -> RekeyReport {
    RekeyReport(
      rotation: status.rotation, renamings: status.renamings,
      scan: PidScan(rotation: status.rotation, phase: .dualRead, renamings: status.renamings))
  }

  @Test("former pids are retired only when each store has shown that nothing is left under them")
  func refused() async throws {
    try await VaultFixture.run { fixture async throws in
      _ = try await fixture.pseudonymize([ann, email("ben@example.com")])
      try await fixture.go(to: .dualReadUnmoved)
      #expect(
        try await fixture.rotation().waitsFor.first == "the vault has 2 of its own rows to move")
      try await fixture.work()
      let status = try await fixture.rotation()
      #expect(
        status.waitsFor == [
          "consent has not looked through its store since new pids are given out",
          "features has not told how far it is", "vectors has not told how far it is",
        ])
      for service in ["consent", "features", "vectors"] {
        try await fixture.report(service, good(status))
      }
      #expect(try await fixture.rotation().waitsFor == [])
      let spoiled: [(String, String, (inout RekeyReport) -> Void)] = [
        ("consent", "1 of 2 renamings are in force at every gate", { $0.renamings = 1 }),
        ("features", "features has 3 people to move", { $0.peopleLeft = 3 }),
        (
          "vectors", "vectors has not looked through its store since new pids are given out",
          { $0.scan = nil }
        ),
        (
          "features", "features has not looked through its store since new pids are given out",
          { $0.scan?.phase = .dualWrite }
        ),
        (
          "features", "features has not looked through its store since new pids are given out",
          { $0.scan?.rotation = 7 }
        ),
        ("features", "features has not told how far it is", { $0.rotation = 0 }),
        (
          "vectors", "vectors looked through its store after 1 of 2 renamings",
          { $0.scan?.renamings = 1 }
        ),
        ("vectors", "vectors has 1 rows under former pids", { $0.scan?.formerRows = 1 }),
        (
          "consent", "consent has 5 rows under pids that the vault does not know",
          { $0.scan?.unknownRows = 5 }
        ),
      ]
      for (service, sentence, spoil) in spoiled {
        var report = good(status)
        spoil(&report)
        // What is told of no rotation is not kept: what was told before counts.
        let isKept = report.rotation == status.rotation
        try await fixture.report(service, report)
        #expect(try await fixture.rotation().waitsFor == (isKept ? [sentence] : []))
        if isKept {
          let error = await #expect(throws: RotationRefusal.waits(for: [sentence])) {
            try await fixture.advance(.retired)
          }
          #expect(error?.rpcError.code == .failedPrecondition)
        }
        try await fixture.report(service, good(status))
      }
      #expect(try await fixture.advance(.retired).phase == .retired)
      #expect(try await fixture.advance(.retired).phase == .retired)
    }
  }

  @Test("new pids are given out while 1,024 renamings are under way, and not with one more")
  func underWay() async throws {
    try await VaultFixture.run { fixture async throws in
      let max = Int(PidRotation.renamingsUnderWayMax)
      _ = try await fixture.pseudonymize((0...max).map { email("p\($0)@example.com") })
      try await fixture.begin()
      try await fixture.work()
      try await fixture.advance(.dualWrite)
      await #expect(
        throws: RotationRefusal.waits(for: ["the consent service has not told how far it is"])
      ) { try await fixture.advance(.dualRead) }
      try await fixture.confirm(0)
      await #expect(
        throws: RotationRefusal.waits(
          for: ["0 of \(max + 1) renamings are in force at every gate"])
      ) { try await fixture.advance(.dualRead) }
      // Pages.
      let first = try await fixture.renamings()
      #expect(first.renamings.map(\.number) == (1...UInt64(max)).map { $0 })
      let second = try await fixture.renamings(after: UInt64(max))
      #expect(second.renamings.map(\.number) == [UInt64(max) + 1])
      #expect(try await fixture.renamings(after: UInt64(max) + 1).renamings == [])
      try await fixture.confirm(1)
      #expect(try await fixture.advance(.dualRead).phase == .dualRead)
    }
  }

  @Test("only services report, and what they said outlives a restart")
  func reports() async throws {
    try await withTemporaryDirectory { directory async throws in
      try await VaultFixture.run(in: directory) { fixture async throws in
        for peer in [
          People.dan, .local, try PeerIdentity.service("vault"),
          try PeerIdentity.service("pipeline"),
        ] {
          await #expect(throws: RotationRefusal.notAService) {
            try await fixture.vault.rotation.report(
              RekeyReport(), context: fixture.context(RotationMethods.report, of: peer))
          }
        }
        #expect(
          try await fixture.report("consent", RekeyReport()) == RotationNews(reportAfterMs: 10_000))
        _ = try await fixture.pid(ann)
        try await fixture.begin()
        try await fixture.work()
        #expect(
          try await fixture.report("consent", RekeyReport())
            == RotationNews(rotation: 1, phase: .pending, reportAfterMs: 500))
        try await fixture.advance(.dualWrite)
        // More than there are count as all.
        try await fixture.confirm(99)
        try await fixture.advance(.dualRead)
        try await fixture.work()
        try await fixture.scanAll()
      }
      try await VaultFixture.run(in: directory) { fixture async throws in
        let status = try await fixture.rotation()
        #expect(status.services.map(\.service) == ["consent", "features", "vectors", "vault"])
        #expect(status.services[0].report?.renamings == 1)
        #expect(status.waitsFor == [])
        #expect(try await fixture.names(ann).otherPid.count == 32)
        try await fixture.advance(.retired)
        #expect(
          try await fixture.report("features", RekeyReport(rotation: 1))
            == RotationNews(retiredRotation: 1, reportAfterMs: 10_000))
        // The next one begins with nothing told.
        try await fixture.begin()
        #expect(try await fixture.rotation().services == [])
        #expect(
          try await fixture.report("features", RekeyReport(rotation: 1))
            == RotationNews(
              rotation: 2, phase: .pending, retiredRotation: 1, reportAfterMs: 500))
        #expect(try await fixture.rotation().services == [])
      }
    }
  }

  @Test("one call asks about 1 to 4,096 pids of 32 bytes")
  func standings() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = [UInt8](repeating: 3, count: 32)
      let max = PidRotation.standingsMax
      #expect(try await fixture.standings(Array(repeating: pid, count: max)).count == max)
      for count in [0, max + 1] {
        await #expect(throws: RotationRefusal.tooManyPids(limit: max)) {
          try await fixture.standings(Array(repeating: pid, count: count))
        }
      }
      await #expect(throws: VaultRefusal.malformedPID) { try await fixture.standings([[1]]) }
    }
  }
}

@Suite("A rotation of pid keys that is cut off")
struct PidRotationCrashTests {
  private static let people = (0..<150).map { email("p\($0)@example.com") }

  /// Takes the next step of a rotation, whatever it is; `false` when it is over.
  private func step(_ fixture: VaultFixture) async throws -> Bool {
    if try await fixture.vault.rotation.work() { return true }
    let status = try await fixture.rotation()
    switch status.phase {
    case .unspecified: try await fixture.begin()
    case .pending: try await fixture.advance(.dualWrite)
    case .dualWrite:
      try await fixture.confirm()
      try await fixture.advance(.dualRead)
    case .dualRead:
      try await fixture.scanAll()
      try await fixture.advance(.retired)
    case .retired, .unrecognized: return false
    }
    return true
  }

  @Test("the vault starts anew after each step, and nobody is lost")
  func everyStep() async throws {
    try await withTemporaryDirectory { directory async throws in
      var before: [[UInt8]] = []
      var keys: [SubjectKey] = []
      try await VaultFixture.run(in: directory) { fixture async throws in
        before = try await fixture.pseudonymize(Self.people).map(\.pid)
        keys = try await fixture.subjectKeys(before)
      }
      var stepCount = 0
      var isOver = false
      while !isOver {
        try await VaultFixture.run(in: directory) { fixture async throws in
          isOver = try await !step(fixture)
          let pids = try await fixture.pseudonymize(Self.people, create: false)
          #expect(pids.count { !$0.known } == 0)
          #expect(try await fixture.subjectKeys(pids.map(\.pid)) == keys)
          #expect(await fixture.measure("people") == 150)
        }
        stepCount += 1
      }
      // Three pages computed, as many moved, and the steps between.
      #expect(stepCount > 12)
      try await VaultFixture.run(in: directory) { fixture async throws in
        let after = try await fixture.pseudonymize(Self.people).map(\.pid)
        #expect(Set(after).isDisjoint(with: before) && Set(after).count == 150)
        #expect(try await fixture.standings(before).allSatisfy { $0 == .unspecified })
      }
    }
  }

  @Test(
    "a commit that fails changes nothing, and the same step is taken again",
    arguments: [true, false])
  func failingCommits(reachesDisk: Bool) async throws {
    try await withTemporaryDirectory { directory async throws in
      let disk = MemoryDisk()
      var before: [[UInt8]] = []
      try await VaultFixture.run(in: directory, disk: disk) { fixture async throws in
        before = try await fixture.pseudonymize(Self.people).map(\.pid)
      }
      var isOver = false
      while !isOver {
        try await VaultFixture.run(in: directory, disk: disk) { fixture async throws in
          disk.failNextCommit(with: .diskFull("no space left"), reachesDisk: reachesDisk)
          _ = try? await step(fixture)
          disk.mend()
        }
        try await VaultFixture.run(in: directory, disk: disk) { fixture async throws in
          isOver = try await !step(fixture)
          let pids = try await fixture.pseudonymize(Self.people, create: false)
          #expect(pids.count { !$0.known } == 0)
        }
      }
      try await VaultFixture.run(in: directory, disk: disk) { fixture async throws in
        let after = try await fixture.pseudonymize(Self.people).map(\.pid)
        #expect(Set(after).isDisjoint(with: before) && Set(after).count == 150)
      }
    }
  }

  @Test("newcomers who come in all the while are all found under their new pids")
  func newcomersMeanwhile() async throws {
    try await VaultFixture.run { fixture async throws in
      _ = try await fixture.pseudonymize(Self.people)
      let late = (0..<400).map { email("late\($0)@example.com") }
      async let recorded: Void = {
        for identifier in late { _ = try await fixture.pid(identifier) }
      }()
      while try await step(fixture) {}
      try await recorded
      let pids = try await fixture.pseudonymize(Self.people + late, create: false)
      #expect(pids.count { !$0.known } == 0)
      #expect(try await fixture.standings(pids.map(\.pid)).allSatisfy { $0 == .current })
      #expect(await fixture.measure("people") == 550)
    }
  }
}
