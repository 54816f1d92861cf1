import ConsentAPI
import ConsentService
import PrivacyCore
import Testing

@Suite("Limits of purposes, notices and what a receipt says besides")
struct CatalogLimitTests {
  private static func purpose(_ id: String, under parent: String = "") -> Purpose {
    Purpose(
      id: id, parent: parent,
      texts: [PurposeText(language: "en", title: "A purpose", text: "What it is for.")])
  }

  private static func refusal<Result>(
    _ body: () throws(ReceiptRefusal) -> Result
  ) -> ReceiptRefusal? {
    do throws(ReceiptRefusal) {
      _ = try body()
      return nil
    } catch {
      return error
    }
  }

  @Test("a purpose stands at most eight levels below the first")
  func depth() throws {
    var catalog = ConsentCatalog(scopes: [])
    catalog.record(Self.purpose("level0"))
    for level in 1...PurposeTree.depthMax {
      let next = try catalog.next(Self.purpose("level\(level)", under: "level\(level - 1)"))
      catalog.record(next.purpose)
    }
    let last = "level\(PurposeTree.depthMax)"
    #expect(catalog.tree.ancestors(of: last).count == PurposeTree.depthMax)
    #expect(
      Self.refusal { () throws(ReceiptRefusal) in
        try catalog.next(Self.purpose("deeper", under: last))
      }?.description.contains("8 levels deep") == true)
    // Nor does what stands above get another one above it.
    catalog.record(Self.purpose("top"))
    #expect(
      Self.refusal { () throws(ReceiptRefusal) in
        try catalog.next(Self.purpose("level0", under: "top"))
      }?.description.contains("8 levels deep") == true)
  }

  @Test("a notice has at most 262,144 bytes")
  func noticeBytes() throws {
    let catalog = ConsentCatalog(scopes: ConsentConfiguration().scopes)
    func notice(textByteCount: Int) -> Notice {
      var notice = NoticeTests.notice(
        purposes: [NoticePurpose(purpose: "product_recs", legalBasis: .consent)])
      notice.piiCategories = []
      // 80 for the text's other fields, 140 for the purpose.
      notice.texts = [
        NoticeText(
          language: "en",
          text: String(repeating: "x", count: textByteCount - 80 - 140))
      ]
      return notice
    }
    let most = ConsentCatalog.noticeByteCountMax
    #expect(try catalog.next(notice(textByteCount: most)).isNew)
    #expect(
      Self.refusal { () throws(ReceiptRefusal) in
        try catalog.next(notice(textByteCount: most + 1))
      }?.description.contains("more than 262144 bytes") == true)
  }

  @Test("a notice and a purpose have at most 1,000 versions each")
  func versions() throws {
    var catalog = ConsentCatalog(scopes: ConsentConfiguration().scopes)
    for number in 1...UInt32(ConsentCatalog.versionCountMax) {
      var notice = NoticeTests.notice()
      notice.controller = "Example Shop \(number) Ltd"
      let next = try catalog.next(notice)
      #expect(next.notice.version == number)
      catalog.record(next.notice)
      var purpose = Self.purpose("analytics")
      purpose.texts[0].text = "Text \(number)."
      catalog.record(try catalog.next(purpose).purpose)
    }
    var notice = NoticeTests.notice()
    #expect(
      Self.refusal { () throws(ReceiptRefusal) in try catalog.next(notice) }
        == .tooManyVersions(limit: 1_000))
    #expect(
      Self.refusal { () throws(ReceiptRefusal) in try catalog.next(Self.purpose("analytics")) }
        == .tooManyVersions(limit: 1_000))
    // The newest one again is no new one, however many there are.
    notice.controller = "Example Shop 1000 Ltd"
    #expect(try !catalog.next(notice).isNew)
  }

  @Test("there are at most 1,000 notices")
  func notices() throws {
    var catalog = ConsentCatalog(scopes: ConsentConfiguration().scopes)
    for number in 1...ConsentCatalog.noticeCountMax {
      var notice = NoticeTests.notice()
      notice.id = "shop\(number)"
      catalog.record(try catalog.next(notice).notice)
    }
    #expect(
      Self.refusal { () throws(ReceiptRefusal) in try catalog.next(NoticeTests.notice()) }
        == .tooManyNotices(limit: 1_000))
  }

  @Test("what a receipt says besides has at most 24,576 bytes")
  func details() throws {
    let rules = ReceiptRules(scopes: ConsentConfiguration().scopes)
    func refusal(byteCount: Int) -> ReceiptRefusal? {
      // 160 for the fixed fields, and 3 for each entry of a list.
      let last = byteCount - 160 - 64 * (128 + 3) - 61 * (256 + 3) - 3
      var draft = Example.draft()
      draft.details = ReceiptDetails(
        piiCategories: Array(repeating: String(repeating: "p", count: 128), count: 64),
        recipients: Array(repeating: String(repeating: "r", count: 256), count: 61)
          + [String(repeating: "r", count: last)])
      return Self.refusal { () throws(ReceiptRefusal) in try rules.check(draft, now: Example.now) }
    }
    let most = ReceiptRules.detailsByteCountMax
    #expect(refusal(byteCount: most) == nil)
    #expect(refusal(byteCount: most + 1)?.description.contains("taken together") == true)
  }
}
