import ConsentAPI
import ConsentFormats
import ConsentService
import PrivacyCore
import RPC
import TestSupport
import Testing

@Suite("Exporting receipts in other forms")
struct ExportTests {
  private static var settled: ConsentConfiguration {
    var configuration = ConsentConfiguration.quick
    configuration.controller = "Muster AG"
    configuration.jurisdiction = "DE"
    configuration.issuer = IssuerProfile(
      baseIRI: "https://shop.example/consent/", contact: "Data protection",
      email: "privacy@shop.example", phone: "+41 00 000 00 00",
      streetAddress: "Musterweg 1, Bern", country: "CH", policyURL: "https://shop.example/privacy",
      rightsURL: "https://shop.example/rights", storageLocations: ["DE"], service: "Webshop")
    return configuration
  }

  private func export(
    _ fixture: ConsentFixture, _ form: ExportForm, allowGaps: Bool = false
  ) async throws -> (lines: [String], refusals: [ExportRefusal]) {
    var lines: [String] = []
    var refusals: [ExportRefusal] = []
    let request = ExportRequest(form: form, allowGaps: allowGaps)
    for try await chunk in try await fixture.client.export(request) {
      lines += chunk.lines
      refusals += chunk.refusals
    }
    return (lines, refusals)
  }

  /// A grant with everything that the forms demand and the service does not know.
  private func grantInFull(_ fixture: ConsentFixture) async throws {
    var request = Example.grantRequest(1, scopes: ["analytics"])
    request.details = ReceiptDetails(
      notice: NoticeReference(id: "shop", language: "de"), piiCategories: ["purchases"],
      retention: "P2Y", withdrawalMethod: "https://shop.example/consent")
    _ = try await fixture.client.addNotice(
      AddNoticeRequest(
        notice: Notice(
          id: "shop", controller: "Muster AG", jurisdiction: "DE",
          purposes: [NoticePurpose(purpose: "analytics", legalBasis: .consent)],
          texts: [NoticeText(language: "de", text: "Wir werten aus.")],
          piiCategories: ["purchases"], retention: "P2Y",
          withdrawalMethod: "https://shop.example/consent")))
    request.version = 1
    _ = try await fixture.client.grant(request)
  }

  @Test("CSV has a header and all columns, and Import takes it")
  func csv() async throws {
    try await ConsentFixture.run { fixture async throws in
      _ = try await fixture.importing((1...8).map { Example.line(UInt64($0)) })
      let (lines, refusals) = try await export(fixture, .csv)
      #expect(refusals.isEmpty && lines.count == 9)
      #expect(lines.first == CSVReceiptWriter.header)
      var reader = CSVReceiptReader()
      let rows = try reader.read(Array(lines.joined().utf8))
      let documents = try rows.map { try $0.outcome.get() }
      #expect(documents.map(\.consentID) == (1...8).map { Example.id($0) })
      #expect(documents.map(\.sequence) == (1...8).map { UInt64($0) })
    }
    try await ConsentFixture.run { fixture async throws in
      #expect(try await export(fixture, .csv).lines == [CSVReceiptWriter.header])
    }
  }

  @Test("27560 and Kantara receipts take from the settings what receipts do not hold")
  func complete() async throws {
    try await ConsentFixture.run(configuration: Self.settled) { fixture async throws in
      try await grantInFull(fixture)
      for form in [ExportForm.ts27560, .kantara] {
        let (lines, refusals) = try await export(fixture, form)
        #expect(refusals.isEmpty, "\(refusals)")
        #expect(lines.count == 1)
        #expect(lines.first?.contains("Musterweg 1, Bern") == true)
        #expect(lines.first?.contains("Muster AG") == true)
      }
      let (lines, _) = try await export(fixture, .ts27560)
      #expect(lines[0].contains("https://w3id.org/dpv/schema/dpv-27560#receipt"))
    }
  }

  @Test("what lacks something is left out and told, or written where gaps are allowed")
  func gaps() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await fixture.grant(1)
      try await fixture.withdraw(1)
      let strict = try await export(fixture, .ts27560)
      #expect(strict.lines.isEmpty)
      #expect(strict.refusals.map(\.sequence) == [1, 2])
      #expect(strict.refusals[0].reason.contains("storage_locations"))
      let loose = try await export(fixture, .ts27560, allowGaps: true)
      #expect(loose.lines.count == 2 && loose.refusals.isEmpty)
      #expect(!loose.lines[0].contains("dpv-27560#receipt"))
      // Kantara has no words for a withdrawal, gaps or not.
      let kantara = try await export(fixture, .kantara, allowGaps: true)
      #expect(kantara.lines.count == 1)
      #expect(kantara.refusals.map(\.sequence) == [2])
    }
  }

  @Test("a form of a later version is refused")
  func unknownForm() async throws {
    try await ConsentFixture.run { fixture async throws in
      let code = await refusal {
        for try await _ in try await fixture.client.export(
          ExportRequest(form: .unrecognized(77)))
        {}
      }?.code
      #expect(code == .invalidArgument)
    }
  }
}
