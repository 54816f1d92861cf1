internal import AccessPack
internal import CommonAPI
internal import DynamicMessages
internal import IdentityVaultService
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import TestSupport
internal import Testing
internal import Transport
internal import VaultAPI

extension VaultFixture {
  /// What the vault tells of a person, and under which pids.
  func holdings(
    _ identifier: Identifier? = nil, pid: [UInt8] = [], domain: String = "", confirm: Bool = false,
    ticket: String = "DSR-1", by peer: PeerIdentity = People.ben
  ) async throws -> (part: AccessPart, pids: [[UInt8]]) {
    var text: [UInt8] = []
    var pids: [[UInt8]] = []
    try await vault.holdings(
      VaultHoldingsRequest(
        identifier: identifier, pid: pid, domain: domain, ticket: ticket, confirm: confirm),
      context: context(VaultMethods.holdings, of: peer)
    ) { chunk in
      text += chunk.text
      pids += chunk.pids
    }
    let part = try AccessPart(
      service: "vault", text: text, note: [], proof: [], salt: [], content: [])
    return (part, pids)
  }
}

extension AccessPart {
  fileprivate func records(_ section: String) throws -> [JSONValue] {
    try sections().first { $0.name == "vault.\(section)" }?.records ?? []
  }

  fileprivate var whole: String { lines.joined(separator: "\n") }
}

@Suite("What the vault tells of a person")
struct HoldingsTests {
  private let ann = email("ann.canary@example.com")
  private let annAtWork = email("ann.smith@work.example")
  private let mobile = phone("+49 170 1234567")

  @Test("whoever shows an identifier of the person gets all of them")
  func byIdentifier() async throws {
    try await VaultFixture.run(isSigning: true) { fixture async throws in
      let pid = try await fixture.pid(ann)
      _ = try await fixture.pid(email("bob@example.com"))
      try await fixture.link(ann, mobile, provenance: "crm:link-7")
      for shown in [ann, mobile] {
        let (part, pids) = try await fixture.holdings(shown)
        #expect(pids.first == pid && pids.count == 2)
        let values = try part.records("identifiers").map { $0["value"] }
        #expect(values == [.string("ann.canary@example.com"), .string("+491701234567")])
        #expect(part.whole.contains("crm:link-7") && part.whole.contains("email/v1"))
        #expect(!part.whole.contains("bob@"))
        #expect(try part.records("subject_key").count == 1)
        #expect(try part.records("aliases").count == 1)
      }
    }
  }

  @Test("a pid alone gives no identifier, whoever asks")
  func byPid() async throws {
    try await VaultFixture.run(isSigning: true) { fixture async throws in
      let pid = try await fixture.pid(ann)
      try await fixture.link(ann, mobile)
      for peer in [People.ben, PeerIdentity.local] {
        let (part, pids) = try await fixture.holdings(pid: pid, by: peer)
        #expect(pids.first == pid)
        #expect(try part.records("identifiers").count == 2)
        for value in ["canary", "example.com", "1701234567"] {
          #expect(!part.whole.contains(value), "\(value)")
        }
        #expect(part.whole.contains("left out"))
      }
    }
  }

  @Test("neither both nor none is asked for")
  func question() async throws {
    try await VaultFixture.run(isSigning: true) { fixture async throws in
      let pid = try await fixture.pid(ann)
      await #expect(throws: HoldingsRefusal.noPeople) { try await fixture.holdings() }
      await #expect(throws: VaultRefusal.malformedPID) { try await fixture.holdings(ann, pid: pid) }
      await #expect(throws: VaultRefusal.malformedPID) { try await fixture.holdings(pid: [1]) }
      await #expect(throws: VaultRefusal.unknownDomain) {
        try await fixture.holdings(ann, domain: "nowhere")
      }
      await #expect(throws: HoldingsRefusal.self) { try await fixture.holdings(ann, ticket: "") }
      #expect(try fixture.auditedActions().filter { $0 == "vault.access" } == [])
    }
  }

  @Test("an identifier that several people may use is refused unless somebody confirms")
  func shared() async throws {
    try await VaultFixture.run(isSigning: true) { fixture async throws in
      let family = email("family@example.com")
      for identifier in [ann, family] { _ = try await fixture.pid(identifier) }
      try await fixture.markShared(ann)
      for identifier in [ann, family] {
        await #expect(throws: VaultRefusal.sharedIdentifier) {
          try await fixture.holdings(identifier)
        }
        // Only who may confirm links and merges.
        await #expect(throws: VaultRefusal.confirmationNotAllowed) {
          try await fixture.holdings(identifier, confirm: true, by: People.ann)
        }
        #expect(
          try await !fixture.holdings(identifier, confirm: true).part.records("person").isEmpty)
      }
      let part = try await fixture.holdings(ann, confirm: true).part
      #expect(try part.records("shared").map { $0["provenance"] } == [.string("crm:household")])
    }
  }

  @Test("names the pids of people who were merged, so that what is left under them is found")
  func merged() async throws {
    try await VaultFixture.run(isSigning: true) { fixture async throws in
      let survivor = try await fixture.pid(ann)
      let gone = try await fixture.pid(annAtWork)
      try await fixture.merge(gone, into: survivor, provenance: "crm:merge-3")
      for shown in [ann, annAtWork] {
        let (part, pids) = try await fixture.holdings(shown)
        #expect(pids == [survivor, gone])
        #expect(part.whole.contains("crm:merge-3"))
      }
      #expect(try await fixture.holdings(pid: gone).pids == [survivor, gone])
    }
  }

  @Test("tells cases about the person without the names of staff and without other people")
  func cases() async throws {
    try await VaultFixture.run(isSigning: true) { fixture async throws in
      let pid = try await fixture.pid(ann)
      let bob = try await fixture.pid(email("bob@example.com"))
      let (id, _) = try await fixture.approvedCase([bob, pid])
      _ = try await fixture.ask([bob], purpose: "something else")
      let part = try await fixture.holdings(ann).part
      let records = try part.records("cases")
      #expect(records.map { $0["id"] } == [.string(id)])
      #expect(part.whole.contains("breach notice") && part.whole.contains("LEGAL-812"))
      let other = try #require(PseudonymousID(bytes: bob)).description
      for foreign in ["/ann", "/ben", "/cleo", other, "something else", "token"] {
        #expect(!part.whole.contains(foreign), "\(foreign)")
      }
      #expect(part.whole.contains("somebody with the role legal"))
    }
  }

  @Test("of a forgotten person only that, and of nobody nothing")
  func forgottenAndUnknown() async throws {
    try await VaultFixture.run(isSigning: true) { fixture async throws in
      let pid = try await fixture.pid(ann)
      try await fixture.forget(pid)
      for (part, pids) in [
        try await fixture.holdings(ann), try await fixture.holdings(pid: pid),
      ] {
        #expect(pids == [pid])
        #expect(try part.records("forgotten").count == 1)
        #expect(try part.records("person").isEmpty && part.records("identifiers").isEmpty)
        #expect(!part.whole.contains("canary"))
      }
      let (part, pids) = try await fixture.holdings(email("nobody@example.com"))
      #expect(pids.count == 1)
      #expect(try part.sections().map(\.name) == ["vault.log"])
    }
  }

  @Test("counts as a look-up: whoever guesses identifiers is stopped")
  func guessing() async throws {
    try await VaultFixture.run(isSigning: true) { fixture async throws in
      _ = try await fixture.pid(ann)
      var refusal: VaultRefusal?
      for number in 0..<2_000 where refusal == nil {
        do {
          _ = try await fixture.vault.pseudonymize(
            PseudonymizeRequest(identifiers: [email("guess\(number)@example.com")]),
            context: fixture.context(VaultMethods.pseudonymize, of: People.ben))
        } catch let error as VaultRefusal {
          refusal = error
        }
      }
      let known = try #require(refusal)
      await #expect(throws: VaultRefusal.self) { try await fixture.holdings(ann) }
      #expect(known != .unknownDomain)
      // By a pid nothing is guessed.
      let pid = try await fixture.pid(ann)
      #expect(try await fixture.holdings(pid: pid).pids == [pid])
    }
  }
}
