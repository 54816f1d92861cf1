import ConsentFormats
import PrivacyCore
import Testing

@Suite("Global Privacy Control")
struct GlobalPrivacyControlTests {
  private func scopes(_ names: [String]) throws -> [Scope] {
    try names.map { try #require(Scope($0)) }
  }

  @Test("exactly 1 is a signal")
  func signal() { #expect(GlobalPrivacyControl.isSignal(["1"])) }

  @Test(
    "anything else is none",
    arguments: [
      [], [""], ["0"], ["true"], ["1 "], [" 1"], ["1, 1"], ["1;x"], ["11"], ["１"], ["1", "1"],
      ["1", "0"],
    ])
  func noSignal(values: [String]) { #expect(!GlobalPrivacyControl.isSignal(values)) }

  @Test("without a configuration it means the scopes that sell, share or advertise")
  func telltales() throws {
    let known = try scopes([
      "product_recs", "ads", "data_sale", "third-party.sharing", "adsorption", "analytics",
      "retargeting",
    ])
    let signal = GlobalPrivacyControl(amongKnown: known)
    #expect(
      signal.scopes.map(\.description) == [
        "ads", "data_sale", "third-party.sharing", "retargeting",
      ])
  }

  @Test("it takes back what was granted of its scopes, and nothing else")
  func draft() throws {
    let signal = GlobalPrivacyControl(withdrawing: try scopes(["ads", "data_sale"]))
    let seed = try Example.seed()
    func draft(_ granted: [String]) throws -> ReceiptDocument? {
      signal.draft(
        pid: seed.pid, consentID: seed.consentID, granted: Set(try scopes(granted)),
        at: seed.grantedAt, source: "gateway")
    }
    let receipt = try #require(try draft(["ads", "analytics"]))
    #expect(receipt.kind == .withdrawal)
    #expect(receipt.scopes == ["ads"])
    #expect(receipt.actor == .init(kind: .browserSignal, name: "Sec-GPC"))
    #expect(receipt.expiresAt == nil)
    #expect(try ReceiptDocument(json: Array(receipt.jsonLine.utf8)) == receipt)
    #expect(try draft(["analytics"]) == nil)
  }
}
