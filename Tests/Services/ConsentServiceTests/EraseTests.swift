import AuditAPI
import AuditLog
import ConsentAPI
import ConsentService
import Foundation
import Gate
import PrivacyCore
import RPC
import TestSupport
import Testing

@Suite("Erasing a person")
struct EraseTests {
  private let request = EraseRequest(
    pid: Example.pid(1).bytes, ground: "gdpr-17-1-b", source: "letter")

  @Test("an erasure goes through the barrier and the vault, and nothing is granted again")
  func erase() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.grant(1)
      let effects = NotedEffects()
      try await fixture.withGate(effects: effects) { gate async throws in
        let reply = try await fixture.client.erase(request)
        #expect(reply.receipt?.kind == .erasure)
        #expect(reply.gates.map(\.confirmed) == [true])
        #expect(reply.subjectKeyDestroyed)
        #expect(effects.kinds == [.grant, .erasure])
        #expect(try gate.withholding(1) == .erased)
      }
      #expect(fixture.vault.forgotten == [Example.pid(1).bytes])
      #expect(try await fixture.reason(1) == .erased)
      let error = await refusal { _ = try await fixture.grant(1) }
      #expect(error?.code == .failedPrecondition)
      #expect(error?.message.contains("erased") == true)
      let progress = try #require(try await fixture.importing([Example.line(1)]).last)
      #expect(progress.rejects.first?.reason.contains("erased") == true)
    }
  }

  @Test("an erasure asked for again is answered as before, and so is a withdrawal after it")
  func again() async throws {
    try await ConsentFixture.run { fixture async throws in
      let first = try await fixture.client.erase(request)
      let second = try await fixture.client.erase(request)
      #expect(second.receipt == first.receipt)
      #expect(second.subjectKeyDestroyed)
      #expect(fixture.vault.forgotten.count == 1)
      #expect(try await fixture.withdraw(1).receipt == first.receipt)
      let actions = try fixture.audit.records(limit: 10).map(\.action)
      #expect(actions == ["consent.erase", "consent.certify_erasure"])
    }
  }

  @Test("erasures that the log lost are recorded again: the vault remembers who was forgotten")
  func lostErasures() async throws {
    let vault = FakeVault()
    let people: [UInt64] = [1, 2, 3, 4, 5]
    try await withTemporaryDirectory { directory async throws in
      let lost = directory.appending(path: "lost")
      try await ConsentFixture.run(in: lost, vault: vault) { fixture async throws in
        for person in people {
          _ = try await fixture.client.erase(
            EraseRequest(pid: Example.pid(person).bytes, ground: "gdpr-17-1-b", source: "letter"))
        }
      }
      let fresh = directory.appending(path: "fresh")
      try await ConsentFixture.run(in: fresh, vault: vault, configuration: .steady) {
        fixture async throws in
        for person in people + [6] { try await fixture.grant(person) }
        vault.setUp(false)
        try await fixture.withGate { gate async throws in
          try await fixture.whileRunning {
            try await eventually("a gate knows the grant") { try gate.withholding(1) == nil }
            vault.setUp(true)
            try await eventually("nobody who was forgotten is served") {
              try people.allSatisfy { try gate.withholding($0) == .erased }
            }
            #expect(try gate.withholding(6) == nil)
            try await eventually("all of them are certified") {
              var missing = 0
              for person in people {
                let reply = try await fixture.client.erasureCertificate(
                  CertificateRequest(pid: Example.pid(person).bytes))
                missing += reply.certificate.isEmpty ? 1 : 0
              }
              return missing == 0
            }
          }
        }
        let refused = await refusal { try await fixture.grant(5) }
        #expect(refused?.message.contains("erased") == true)
      }
      // Known: the vault need not be asked again.
      vault.setUp(false)
      try await ConsentFixture.run(in: fresh, vault: vault) { fixture async throws in
        #expect(try await fixture.reason(5) == .erased)
        let position = fixture.service.lastPosition
        try await fixture.whileRunning { try await Task.sleep(for: .milliseconds(50)) }
        #expect(fixture.service.lastPosition == position)
      }
    }
  }

  @Test("while the vault is out of reach the erasure is in force, and it is finished later")
  func vaultIsAway() async throws {
    try await ConsentFixture.run { fixture async throws in
      fixture.vault.setUp(false)
      let error = await refusal { _ = try await fixture.client.erase(request) }
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("in force") == true)
      #expect(try await fixture.reason(1) == .erased)
      let work = Task { try await fixture.service.run() }
      defer { work.cancel() }
      #expect(await pending(fixture) == 1)
      fixture.vault.setUp(true)
      try await eventually("the vault forgets") { await pending(fixture) == 0 }
      #expect(fixture.vault.forgotten == [Example.pid(1).bytes])
      #expect(try await fixture.client.erase(request).subjectKeyDestroyed)
    }
  }

  @Test("an erasure that a crash interrupted is finished by the next run")
  func survivesRestart() async throws {
    try await withTemporaryDirectory { directory async throws in
      let vault = FakeVault()
      vault.setUp(false)
      try await ConsentFixture.run(in: directory, vault: vault) { fixture async throws in
        _ = await refusal { _ = try await fixture.client.erase(request) }
      }
      vault.setUp(true)
      try await ConsentFixture.run(in: directory, vault: vault) { fixture async throws in
        let work = Task { try await fixture.service.run() }
        defer { work.cancel() }
        try await eventually("the vault forgets") { await pending(fixture) == 0 }
      }
      #expect(vault.forgotten == [Example.pid(1).bytes])
    }
  }

  @Test("the ground must be a name", arguments: ["", "GDPR 17", "ann@example.com"])
  func ground(ground: String) async throws {
    try await ConsentFixture.run { fixture async throws in
      var request = request
      request.ground = ground
      let bad = request
      let error = await refusal { _ = try await fixture.client.erase(bad) }
      #expect(error?.code == .invalidArgument)
      #expect(try await fixture.exported().isEmpty)
    }
  }

  private func pending(_ fixture: ConsentFixture) async -> Double? {
    await fixture.service.measures().first { $0.name == "erasures_pending" }?.value
  }
}

@Suite("Restarting the consent service")
struct RestartTests {
  @Test("everything acknowledged is there again, and positions go on")
  func keepsEverything() async throws {
    try await withTemporaryDirectory { directory async throws in
      let before = try await ConsentFixture.run(in: directory) { fixture async throws in
        _ = try await fixture.importing((1...30).map { Example.line(UInt64($0)) })
        try await fixture.withdraw(3)
        return try await fixture.exported()
      }
      try await ConsentFixture.run(in: directory) { fixture async throws in
        #expect(try await fixture.exported() == before)
        #expect(try await fixture.reason(2) == .granted)
        #expect(try await fixture.reason(3) == .withdrawn)
        #expect(try await fixture.grant(40).sequence == 32)
      }
    }
  }

  @Test("a second service on the same store is refused")
  func secondService() async throws {
    try await withTemporaryDirectory { directory async throws in
      try await ConsentFixture.run(in: directory) { _ in
        _ = await #expect(throws: (any Error).self) {
          try await ConsentFixture.run(in: directory) { _ in }
        }
      }
    }
  }
}
