import Gate
import PrivacyCore
import TestSupport
import Testing

@Suite("The leases of a gate")
struct LeaseBookTests {
  private func position(_ value: UInt64) -> LogSequenceNumber { LogSequenceNumber(value) }

  @Test("without a lease no moment is live")
  func none() { #expect(LeaseBook().liveUntil == .min) }

  @Test("a lease counts at once where its position is known")
  func known() {
    var book = LeaseBook()
    book.add(until: 100, sequence: position(5), applied: position(5))
    #expect(book.liveUntil == 100)
  }

  @Test("a lease that names a later position counts once that is applied, and not before")
  func pending() {
    var book = LeaseBook()
    book.add(until: 100, sequence: position(5), applied: position(4))
    #expect(book.liveUntil == .min)
    book.advance(to: position(4))
    #expect(book.liveUntil == .min)
    book.advance(to: position(5))
    #expect(book.liveUntil == 100)
  }

  @Test("an earlier lease goes on while a later one waits, and a lease never shortens another")
  func overlap() {
    var book = LeaseBook()
    book.add(until: 100, sequence: position(1), applied: position(1))
    book.add(until: 200, sequence: position(9), applied: position(1))
    #expect(book.liveUntil == 100)
    book.add(until: 50, sequence: position(1), applied: position(1))
    #expect(book.liveUntil == 100)
    book.advance(to: position(9))
    #expect(book.liveUntil == 200)
  }

  @Test("only the newest waiting leases are kept", arguments: [(16, true), (17, false)])
  func bounded(count: Int, keepsFirst: Bool) {
    var book = LeaseBook()
    // The first asks for less than the others, so that it alone could count.
    book.add(until: 1, sequence: position(1), applied: position(0))
    for number in 1..<count {
      book.add(until: Int64(number) + 1, sequence: position(100), applied: position(0))
    }
    book.advance(to: position(1))
    #expect((book.liveUntil == 1) == keepsFirst)
  }
}

@Suite("A consent id in 16 bytes")
struct CompactConsentIDTests {
  @Test("the text comes back as it was")
  func roundTrip() {
    for number in 0..<200 as Range<UInt64> {
      let id = Example.id(number)
      #expect(CompactConsentID(text: id.description)?.consentID == id)
    }
    for text in ["c_00000000000000000000000000", "c_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"] {
      #expect(CompactConsentID(text: text)?.text == text)
    }
  }

  @Test(
    "anything else is none",
    arguments: [
      "", "c_", "c_8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "c_0000000000000000000000000",
      "c_000000000000000000000000000", "x_00000000000000000000000000",
      "c-00000000000000000000000000", "c_0000000000000000000000000I",
      "c_0000000000000000000000000a",
    ])
  func malformed(text: String) { #expect(CompactConsentID(text: text) == nil) }
}
