import ConsentAPI
import ConsentFormats
import ConsentService
import Cryptography
import Foundation
import Gate
import PrivacyCore
import RPC
import TestSupport
import Testing

@Suite("Signals of browsers")
struct BrowserSignalTests {
  private static func configuration(gpc: [String]? = ["marketing"]) throws -> ConsentConfiguration {
    var configuration = ConsentConfiguration.steady
    configuration.gpcScopes = gpc?.compactMap { Scope($0) }
    configuration.tcfScopes = ["marketing=2+4", "analytics=7", "personalization_geo=1+sf1"]
      .compactMap { TCFScope($0) }
    try #require(configuration.tcfScopes.count == 3 && configuration.fault == nil)
    return configuration
  }

  private func gpc(_ value: String, _ person: UInt64 = 1) -> RecordSignalRequest {
    RecordSignalRequest(pid: Example.pid(person).bytes, source: "shop", signal: .gpc(value))
  }

  @Test("Sec-GPC: 1 takes back what was allowed, by the browser's signal, behind the barrier")
  func optOut() async throws {
    try await ConsentFixture.run(configuration: try Self.configuration()) {
      fixture async throws in
      try await fixture.grant(1, scopes: ["marketing", "analytics"])
      try await fixture.withGate { gate async throws in
        let reply = try await fixture.client.recordSignal(gpc("1"))
        #expect(reply.created)
        #expect(reply.receipt?.kind == .withdrawal)
        #expect(reply.receipt?.scopes == ["marketing"])
        #expect(reply.receipt?.details?.actor?.kind == .browserSignal)
        #expect(reply.receipt?.details?.actor?.name == "Sec-GPC")
        #expect(reply.gates.map(\.confirmed) == [true])
        #expect(try gate.withholding(1, "marketing") == .withdrawn)
        #expect(try gate.withholding(1, "analytics") == nil)
        // With every page again, and recorded once.
        let again = try await fixture.client.recordSignal(gpc("1"))
        #expect(!again.created && again.receipt == reply.receipt)
      }
    }
  }

  @Test("an opt-out is recorded for whoever was never asked, so that an old consent cannot come in")
  func neverAsked() async throws {
    try await ConsentFixture.run(configuration: try Self.configuration(gpc: ["product_recs"])) {
      fixture async throws in
      #expect(try await fixture.client.recordSignal(gpc("1")).created)
      let late = try required(try await fixture.importing([Example.line(1)]).last)
      #expect(late.rejected == 1)
    }
  }

  @Test("any other value says nothing", arguments: ["", "0", "true", "1, 1", " 1"])
  func noSignal(value: String) async throws {
    try await ConsentFixture.run(configuration: try Self.configuration()) {
      fixture async throws in
      let reply = try await fixture.client.recordSignal(gpc(value))
      #expect(reply.receipt == nil && !reply.created)
      #expect(try await fixture.exported().isEmpty)
    }
  }

  /// The published string with this name.
  private func string(_ name: String) throws -> String {
    let file = URL(filePath: #filePath)
      .appending(path: "../../../Vectors/consent-formats/tc-strings.txt").standardized
    let paragraph = try #require(
      try String(contentsOf: file, encoding: .utf8).split(separator: "\n\n")
        .first { $0.contains("name = \(name)\n") })
    let line = try #require(paragraph.split(separator: "\n").first { $0.hasPrefix("text = ") })
    return String(line.dropFirst(7))
  }

  private func tcf(_ text: String, _ person: UInt64 = 1) -> RecordSignalRequest {
    RecordSignalRequest(
      pid: Example.pid(person).bytes, source: "shop",
      signal: .tcf(TCFSignal(text: text)))
  }

  @Test("a TC string allows and refuses what its purposes stand for, once for each person")
  func consentString() async throws {
    let text = try string("ten restrictions of a publisher")
    try await ConsentFixture.run(configuration: try Self.configuration()) {
      fixture async throws in
      let reply = try await fixture.client.recordSignal(tcf(text))
      let receipt = try #require(reply.receipt)
      #expect(reply.created && receipt.kind == .grant)
      #expect(receipt.scopes == ["marketing", "analytics"])
      // The special feature was not opted in to.
      #expect(receipt.deniedScopes == ["personalization_geo"])
      #expect(Timestamp(microseconds: receipt.grantedAtUs).description.hasPrefix("2020-08-25T"))
      #expect(receipt.expiresAtUs - receipt.grantedAtUs == 395 * 86_400_000_000)
      #expect(receipt.version == 52)
      #expect(receipt.details?.jurisdiction == "GB")
      #expect(receipt.details?.evidenceHash == (try Digest.sha256(Array(text.utf8))))
      #expect(try await fixture.reason(1, "personalization_geo") == .denied)
      let again = try await fixture.client.recordSignal(tcf(text))
      #expect(!again.created && again.receipt == receipt)
      #expect(try await fixture.client.recordSignal(tcf(text, 2)).created)
    }
  }

  @Test("a TC string that allows nothing is a refusal; a malformed or a global one is refused")
  func otherStrings() async throws {
    try await ConsentFixture.run(configuration: try Self.configuration()) {
      fixture async throws in
      let reply = try await fixture.client.recordSignal(
        tcf(try string("legitimate interests as ranges")))
      #expect(reply.receipt?.kind == .denial)
      #expect(reply.receipt?.deniedScopes == ["marketing", "analytics", "personalization_geo"])
      for (text, word) in [
        ("C!", "base64url"),
        (try string("consents to purposes 1 and 2"), "one service"),
      ] {
        let error = await refusal { _ = try await fixture.client.recordSignal(tcf(text)) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(word) == true, "\(String(describing: error))")
      }
    }
  }

  @Test("without a scope that the signal speaks of it is refused, as is no signal at all")
  func refusals() async throws {
    try await ConsentFixture.run { fixture async throws in
      #expect(
        await refusal { _ = try await fixture.client.recordSignal(gpc("1")) }?.code
          == .failedPrecondition)
      #expect(
        await refusal {
          _ = try await fixture.client.recordSignal(
            RecordSignalRequest(pid: Example.pid(1).bytes, signal: .tcf(TCFSignal(text: "C"))))
        }?.code == .failedPrecondition)
      #expect(
        await refusal {
          _ = try await fixture.client.recordSignal(RecordSignalRequest(pid: Example.pid(1).bytes))
        }?.code == .invalidArgument)
    }
  }
}

@Suite("The settings of browsers' signals")
struct SignalSettingsTests {
  @Test(
    "a TCF scope is a scope and what it stands for",
    arguments: [
      ("marketing=2+3+4", "marketing=2+3+4"), ("geo=sf1+1", "geo=1+sf1"), ("a=11", "a=11"),
    ])
  func reads(text: String, normal: String) {
    #expect(TCFScope(text)?.description == normal)
  }

  @Test(
    "what is none is refused",
    arguments: ["", "a", "a=", "a=0", "a=12", "a=sf0", "a=sf3", "a=1+", "A=1", "a=1=2", "a=x"])
  func refuses(text: String) {
    #expect(TCFScope(text) == nil)
  }

  @Test("a signal can only decide on scopes there are")
  func faults() {
    var configuration = ConsentConfiguration()
    configuration.gpcScopes = [Scope("ads")].compactMap { $0 }
    #expect(configuration.fault?.contains("ads") == true)
    configuration.gpcScopes = nil
    configuration.tcfScopes = ["ads=1"].compactMap { TCFScope($0) }
    #expect(configuration.fault?.contains("ads") == true)
    configuration.tcfScopes = ["analytics=1", "analytics=2"].compactMap { TCFScope($0) }
    #expect(configuration.fault?.contains("twice") == true)
    configuration.tcfScopes = []
    for (days, isFine) in [(0, false), (1, true), (395, true), (396, false)] {
      configuration.tcfDays = days
      #expect((configuration.fault == nil) == isFine)
    }
  }
}
