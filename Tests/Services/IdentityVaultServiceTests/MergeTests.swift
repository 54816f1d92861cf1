internal import AuditLog
internal import IdentityVaultService
internal import PrivacyCore
internal import RPC
internal import TestSupport
internal import Testing
internal import Transport
internal import VaultAPI

extension VaultFixture {
  @discardableResult
  func merge(
    _ merged: [UInt8], into survivor: [UInt8], confirm: Bool = false, rowsSettled: Bool = true,
    provenance: String = "crm:merge", by peer: PeerIdentity = .local
  ) async throws -> MergeReply {
    try await vault.linking.merge(
      MergeRequest(
        survivor: survivor, merged: merged, provenance: provenance, confirm: confirm,
        rowsSettled: rowsSettled),
      context: context(LinkingMethods.merge, of: peer))
  }

  @discardableResult
  func split(_ pid: [UInt8], provenance: String = "crm:split") async throws -> SplitReply {
    try await vault.linking.split(
      SplitRequest(pid: pid, provenance: provenance), context: context(LinkingMethods.split))
  }

  @discardableResult
  func markShared(_ identifier: Identifier?, _ shared: Bool = true) async throws -> Bool {
    try await vault.linking.markShared(
      MarkSharedRequest(identifier: identifier, shared: shared, provenance: "crm:household"),
      context: context(LinkingMethods.markShared)
    ).changed
  }
}

@Suite("Merging and splitting people")
struct MergeTests {
  private let ann = email("ann@example.com")
  private let annAtWork = email("ann.smith@work.example")
  private let mobile = phone("+49 170 1234567")

  @Test("the merged pid is another name of the survivor, whose key it has; with one log entry")
  func merge() async throws {
    try await VaultFixture.run { fixture async throws in
      let survivor = try await fixture.pid(ann)
      let merged = try await fixture.pid(annAtWork)
      let key = try await fixture.subjectKeys([survivor])
      #expect(
        try await fixture.merge(merged, into: survivor)
          == MergeReply(pid: survivor, identifiersMoved: 1))
      #expect(try await fixture.pid(annAtWork) == survivor)
      #expect(try await fixture.subjectKeys([merged]) == key)
      let shown = try await fixture.show(merged)
      #expect(shown.identifiers.map(\.mergedBy) == ["", "crm:merge"])
      #expect(await fixture.measure("people") == 1)
      #expect(await fixture.measure("aliases") == 1)
      #expect(
        try await fixture.merge(merged, into: survivor)
          == MergeReply(pid: survivor, identifiersMoved: 0))
      #expect(try fixture.auditedActions() == ["vault.record", "vault.record", "vault.merge"])
    }
  }

  @Test("a split gives back what a merge took, with a new subject key, after a restart too")
  func split() async throws {
    try await withTemporaryDirectory { directory async throws in
      var survivor: [UInt8] = []
      var merged: [UInt8] = []
      var oldKeys: [SubjectKey] = []
      try await VaultFixture.run(in: directory) { fixture async throws in
        survivor = try await fixture.pid(ann)
        merged = try await fixture.pid(annAtWork)
        try await fixture.link(annAtWork, mobile)
        oldKeys = try await fixture.subjectKeys([survivor, merged])
        try await fixture.merge(merged, into: survivor)
      }
      try await VaultFixture.run(in: directory) { fixture async throws in
        #expect(
          try await fixture.split(merged) == SplitReply(from: survivor, identifiersMoved: 2))
        #expect(try await fixture.pid(mobile) == merged)
        #expect(try await fixture.pid(ann) == survivor)
        let keys = try await fixture.subjectKeys([survivor, merged])
        #expect(keys[0] == oldKeys[0] && keys[1].key.count == 32 && keys[1] != oldKeys[1])
        #expect(try await fixture.show(survivor).identifiers.count == 1)
        #expect(try await fixture.show(merged).identifiers.map(\.mergedBy) == ["", ""])
        #expect(try fixture.auditedActions().last == "vault.split")
      }
    }
  }

  @Test("a linked identifier can be split off alone, and linked again")
  func splitLink() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(ann)
      let own = try await fixture.pid(mobile, create: false)
      try await fixture.link(ann, mobile)
      #expect(try await fixture.split(own) == SplitReply(from: pid, identifiersMoved: 1))
      #expect(try await fixture.pid(mobile) == own)
      #expect(await fixture.measure("people") == 2)
      try await fixture.merge(own, into: pid)
      #expect(try await fixture.pid(mobile) == pid)
    }
  }

  @Test("of merges one after the other each can be taken back, the inner ones too")
  func nested() async throws {
    try await VaultFixture.run { fixture async throws in
      let first = try await fixture.pid(ann)
      let second = try await fixture.pid(annAtWork)
      let third = try await fixture.pid(mobile)
      try await fixture.merge(first, into: second)
      try await fixture.merge(second, into: third, confirm: true)
      for identifier in [ann, annAtWork, mobile] {
        #expect(try await fixture.pid(identifier) == third)
      }
      #expect(try await fixture.split(second).identifiersMoved == 2)
      #expect(try await fixture.pid(ann) == second)
      #expect(try await fixture.split(first) == SplitReply(from: second, identifiersMoved: 1))
      #expect(try await fixture.pid(ann) == first)
      // The inner one first.
      try await fixture.merge(first, into: second)
      try await fixture.merge(second, into: third, confirm: true)
      #expect(try await fixture.split(first) == SplitReply(from: third, identifiersMoved: 1))
      #expect(try await fixture.pid(ann) == first)
      #expect(try await fixture.pid(annAtWork) == third)
    }
  }

  @Test("who is forgotten after a merge is forgotten under every pid")
  func forget() async throws {
    try await VaultFixture.run { fixture async throws in
      let survivor = try await fixture.pid(ann)
      let merged = try await fixture.pid(annAtWork)
      try await fixture.merge(merged, into: survivor)
      try await fixture.forget(merged)
      for pid in [survivor, merged] {
        #expect(try await fixture.show(pid) == ShowReply(forgotten: true))
        await #expect(throws: VaultRefusal.forgotten) { try await fixture.split(pid) }
      }
    }
  }

  @Test("strangers, people of other domains and rows that are not settled are not merged")
  func refusals() async throws {
    var configuration = IdentityVaultConfiguration()
    configuration.domains = ["shop", "newsletter"]
    try await VaultFixture.run(configuration: configuration) { fixture async throws in
      let pid = try await fixture.pid(ann)
      let other = try await fixture.pid(annAtWork)
      let elsewhere = try await fixture.pid(ann, domain: "newsletter")
      let stranger = [UInt8](repeating: 1, count: 32)
      await #expect(throws: VaultRefusal.rowsNotSettled) {
        try await fixture.merge(other, into: pid, rowsSettled: false)
      }
      await #expect(throws: VaultRefusal.unknownPerson) {
        try await fixture.merge(stranger, into: pid)
      }
      await #expect(throws: VaultRefusal.unknownPerson) {
        try await fixture.merge(pid, into: stranger)
      }
      await #expect(throws: VaultRefusal.otherDomain) {
        try await fixture.merge(elsewhere, into: pid, confirm: true)
      }
      await #expect(throws: VaultRefusal.provenanceLength) {
        try await fixture.merge(other, into: pid, provenance: "")
      }
      await #expect(throws: VaultRefusal.notLinked) { try await fixture.split(pid) }
      await #expect(throws: VaultRefusal.unknownPerson) { try await fixture.split(stranger) }
      #expect(await fixture.measure("aliases") == 0)
    }
  }

  @Test("two people with several identifiers each are one only if somebody with the right says so")
  func bothHaveSeveral() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(ann)
      let other = try await fixture.pid(annAtWork)
      try await fixture.link(ann, mobile)
      try await fixture.link(annAtWork, phone("+49 170 7654321"))
      await #expect(throws: VaultRefusal.bothHaveSeveral) {
        try await fixture.merge(other, into: pid)
      }
      let pipeline = try PeerIdentity.service("pipeline")
      for peer in [pipeline, People.dan] {
        await #expect(throws: VaultRefusal.confirmationNotAllowed) {
          try await fixture.merge(other, into: pid, confirm: true, by: peer)
        }
      }
      #expect(
        try await fixture.merge(other, into: pid, confirm: true, by: People.ben)
          .identifiersMoved == 2)
    }
  }

  @Test("a person has as many identifiers as the limit says, merged ones too", arguments: [2, 3])
  func limit(count: Int) async throws {
    var configuration = IdentityVaultConfiguration()
    configuration.identifiersPerPersonMax = count
    try await VaultFixture.run(configuration: configuration) { fixture async throws in
      let pid = try await fixture.pid(ann)
      try await fixture.link(ann, mobile)
      let other = try await fixture.pid(annAtWork)
      if count == 3 {
        #expect(try await fixture.merge(other, into: pid).identifiersMoved == 1)
      } else {
        await #expect(throws: VaultRefusal.tooManyLinks(limit: 2)) {
          try await fixture.merge(other, into: pid)
        }
      }
    }
  }
}

@Suite("Shared identifiers")
struct SharedIdentifierTests {
  private let ann = email("ann@example.com")
  private let family = email("family@example.com")

  @Test("an address that looks shared joins nobody by itself, on either side")
  func looksShared() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(ann)
      let shared = try await fixture.pid(family)
      await #expect(throws: VaultRefusal.sharedIdentifier) {
        try await fixture.link(ann, email("smith.family@example.com"))
      }
      await #expect(throws: VaultRefusal.sharedIdentifier) {
        try await fixture.link(family, phone("+49 170 1234567"))
      }
      await #expect(throws: VaultRefusal.sharedIdentifier) {
        try await fixture.merge(shared, into: pid)
      }
      #expect(await fixture.measure("aliases") == 0)
      #expect(try await fixture.merge(shared, into: pid, confirm: true).identifiersMoved == 1)
      #expect("\(try fixture.audit.records(limit: 10))".contains("confirmed"))
    }
  }

  @Test("an identifier that is marked joins nobody by itself, until the mark is taken back")
  func marked() async throws {
    try await VaultFixture.run { fixture async throws in
      _ = try await fixture.pid(ann)
      let landline = phone("+49 30 1234567")
      #expect(try await fixture.markShared(landline))
      #expect(try await fixture.markShared(landline) == false)
      await #expect(throws: VaultRefusal.sharedIdentifier) {
        try await fixture.link(ann, landline)
      }
      #expect(try await fixture.markShared(landline, false))
      #expect(try await fixture.link(ann, landline).created)
      #expect(
        try fixture.auditedActions() == [
          "vault.record", "vault.mark_shared", "vault.unmark_shared", "vault.link",
        ])
      await #expect(throws: VaultRefusal.primaryMissing) { try await fixture.markShared(nil) }
    }
  }

  @Test("a confirmation is the word of a person with the right")
  func confirmation() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(ann)
      func link(by peer: PeerIdentity) async throws -> LinkReply {
        try await fixture.vault.link(
          LinkRequest(primary: ann, alias: family, provenance: "crm:merge", confirm: true),
          context: fixture.context(VaultMethods.link, of: peer))
      }
      for peer in [try PeerIdentity.service("pipeline"), People.dan] {
        await #expect(throws: VaultRefusal.confirmationNotAllowed) { _ = try await link(by: peer) }
      }
      #expect(try await link(by: People.ben) == LinkReply(pid: pid, created: true))
    }
  }

  @Test(
    "names of families, offices and roles look shared, names of people do not",
    arguments: [
      ("family@example.com", true), ("smith.family@example.com", true),
      ("family-smith@example.com", true), ("info@example.com", true), ("INFO@example.com", true),
      ("no-reply@example.com", true), ("ann@example.com", false),
      ("infante@example.com", false), ("ann.family.smith@example.com", false),
      ("ann@family.example", false),
    ])
  func names(address: String, isShared: Bool) {
    #expect(SharedAddress.isLikely(email: address) == isShared)
  }
}
