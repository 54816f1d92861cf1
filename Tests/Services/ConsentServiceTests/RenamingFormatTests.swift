import AccessPack
import CommonAPI
import ConsentAPI
import ConsentFormats
import ConsentService
import DynamicMessages
import Foundation
import PrivacyCore
import RPC
import TestSupport
import Testing

@Suite("Renamings as others are told of them")
struct RenamingFormatTests {
  private func run(
    _ vault: StubRotation, _ configuration: ConsentConfiguration = .quick,
    _ body: (ConsentFixture) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory async throws in
      try await vault.run { rotation async throws in
        try await ConsentFixture.run(
          in: directory, rotation: rotation, configuration: configuration
        ) { fixture async throws in try await fixture.whileRunning { try await body(fixture) } }
      }
    }
  }

  @Test("the feed has the renaming between what names the former pid and what names the new one")
  func feed() async throws {
    let vault = StubRotation()
    try await run(vault) { fixture async throws in
      try await fixture.grant(1)
      vault.rename([(1, 101)])
      try await vault.settled()
      try await fixture.withdraw(1)
      let changes = try await fixture.changes(WatchRequest()).flatMap(\.changes)
      #expect(changes.map(\.kind) == [.grant, .renaming, .withdrawal])
      #expect(
        changes.map(\.pid)
          == [Example.pid(1), Example.pid(101), Example.pid(101)].map(\.bytes))
      #expect(changes[1].formerPid == Example.pid(1).bytes)
    }
  }

  @Test("exports say it in the JSON form and in CSV, and leave it out of records of consent")
  func exports() async throws {
    let vault = StubRotation()
    var configuration = ConsentConfiguration.quick
    configuration.controller = "Example"
    configuration.jurisdiction = "DE"
    try await run(vault, configuration) { fixture async throws in
      try await fixture.grant(1)
      vault.rename([(1, 101)])
      try await vault.settled()
      let lines = try await fixture.exported()
      let renaming = try #require(lines.last)
      #expect(lines.count == 2)
      #expect(renaming.contains("\"kind\":\"renaming\""))
      #expect(renaming.contains("\"former_user_id_hashed\":\"\(Example.pid(1).seedForm)\""))
      #expect(renaming.contains("\"user_id_hashed\":\"\(Example.pid(101).seedForm)\""))
      let document = try ReceiptDocument(json: renaming.utf8)
      #expect(document.formerPID == Example.pid(1))
      #expect(document.jsonLine == renaming)
      // What says so of this system's keys says nothing to another.
      let progress = try #require(try await fixture.importing([renaming]).last)
      #expect(progress.accepted == 0)
      #expect(progress.rejects.first?.reason.contains("rotation") == true)
      let chunk = ImportChunk(
        firstLine: 1, receipts: [Receipt(document)])
      let stream = try await fixture.client.import()
      try await stream.send(chunk)
      try await stream.finish()
      for try await reply in stream.replies {
        #expect(reply.rejects.first?.reason.contains("rotation") == true)
      }
      for form in [ExportForm.csv, .ts27560, .kantara] {
        var lines: [String] = []
        var refusals = 0
        let request = ExportRequest(form: form, allowGaps: true)
        for try await chunk in try await fixture.client.export(request) {
          lines += chunk.lines
          refusals += chunk.refusals.count
          if !chunk.lines.isEmpty { #expect(chunk.lastSequence == 2) }
        }
        #expect(refusals == 0, "\(form)")
        #expect(lines.count == (form == .csv ? 3 : 1), "\(form)")
        if form == .csv { #expect(lines[2].contains("," + Example.pid(1).seedForm)) }
      }
    }
  }

  @Test("a line of a renaming without the former pid is malformed")
  func withoutFormer() throws {
    let line = """
      {"consent_id":"\(Example.id(1))","user_id_hashed":"\(Example.pid(1).seedForm)","scopes":[],\
      "granted_at":"2026-01-10T12:34:56Z","source":"rotation","version":0,"kind":"renaming"}
      """
    #expect(throws: FormatFault(.missingField("former_user_id_hashed"))) {
      _ = try ReceiptDocument(json: line.utf8)
    }
  }

  @Test("a system outside gets a person's changes in order across the two pids")
  func webhooks() async throws {
    let receiver = HTTPReceiver()
    let port = try await receiver.start()
    let vault = StubRotation()
    var configuration = ConsentConfiguration.quick
    configuration.webhooks.attemptCountMax = 2
    configuration.webhooks.retryMsMin = 1
    configuration.webhooks.retryMsMax = 2
    try await run(vault, configuration) { fixture async throws in
      for person in UInt64(1)...4 { try await fixture.grant(person) }
      vault.rename((1...4).map { ($0, 100 + $0) })
      try await vault.settled()
      for person in UInt64(1)...4 { try await fixture.withdraw(person) }
      _ = try await fixture.client.addWebhook(
        AddWebhookRequest(webhook: Webhook(id: "crm", url: "http://127.0.0.1:\(port)/consent")))
      try await eventually("all are sent") { receiver.received.count == 12 }
      let taken = receiver.taken()
      for person in UInt64(1)...4 {
        let history = try await fixture.client.history(
          HistoryRequest(pid: Example.pid(person).bytes)
        ).receipts.map(\.sequence)
        #expect(taken.filter(history.contains) == history)
      }
      let renamed = try #require(receiver.received.first { $0.sequence == 5 })
      let text = String(decoding: renamed.body, as: UTF8.self)
      #expect(text.contains("\"kind\":\"renaming\""))
      #expect(text.contains("\"former_user_id_hashed\":\"\(Example.pid(1).seedForm)\""))
    }
    await receiver.stop()
  }

  @Test("what a system did not take holds up what comes later under the other pid")
  func heldUp() async throws {
    // Takes nothing of the first change.
    let receiver = HTTPReceiver { received, _ in received.sequence == 1 ? 500 : 204 }
    let port = try await receiver.start()
    let vault = StubRotation()
    var configuration = ConsentConfiguration.quick
    configuration.webhooks.attemptCountMax = 1
    configuration.webhooks.retryMsMin = 1
    configuration.webhooks.retryMsMax = 2
    configuration.webhooks.batchCount = 2
    try await run(vault, configuration) { fixture async throws in
      try await fixture.grant(1)
      try await fixture.grant(2)
      vault.rename([(1, 101), (2, 102)])
      try await vault.settled()
      try await fixture.withdraw(101)
      try await fixture.withdraw(2)
      _ = try await fixture.client.addWebhook(
        AddWebhookRequest(webhook: Webhook(id: "crm", url: "http://127.0.0.1:\(port)/consent")))
      try await eventually("all are settled") {
        try await fixture.client.listWebhooks(ListWebhooksRequest()).webhooks
          .allSatisfy { $0.settledSequence == 6 }
      }
      let letters = try await fixture.client.listDeadLetters(
        ListDeadLettersRequest(id: "crm")
      ).letters
      #expect(letters.map(\.sequence).sorted() == [1, 3, 5])
      #expect(receiver.taken().filter { $0 != 1 } == [2, 4, 6])
    }
    await receiver.stop()
  }

  @Test(
    "an access request finds the same under either pid, once", arguments: [[1], [101], [1, 101]])
  func holdings(_ people: [UInt64]) async throws {
    let vault = StubRotation()
    try await run(vault) { fixture async throws in
      try await fixture.grant(1)
      try await fixture.grant(2)
      vault.rename([(1, 101), (2, 102)])
      try await vault.settled()
      try await fixture.withdraw(1)
      let request = HoldingsRequest(pids: people.map { Example.pid($0).bytes }, ticket: "DSR-1")
      var text: [UInt8] = []
      for try await chunk in try await fixture.client.holdings(request) { text += chunk.text }
      let part = try AccessPart(
        service: "consent", text: text, note: [], proof: [], salt: [], content: [])
      let sections = Dictionary(
        uniqueKeysWithValues: try part.sections().map { ($0.name, $0.records.count) })
      #expect(sections["consent.receipts"] == 3)
      #expect(sections["consent.standing"] == 1)
      // The grant, under the former pid; the withdrawal; this access.
      #expect(sections["consent.log"] == 3)
      let whole = part.lines.joined(separator: "\n")
      #expect(!whole.contains(Example.pid(102).description))
    }
  }
}
