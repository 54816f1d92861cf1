internal import ArgumentParser
internal import CommonAPI
internal import ServiceKit
internal import Testing

@Suite("Tokens as text")
struct TokenTextTests {
  @Test("are read as they were written, and anything else is refused")
  func roundTrip() throws {
    let token = ConsentToken(
      epoch: 0x8070_6050_4030_2010, sequence: 42, mac: [UInt8](repeating: 0xFB, count: 16))
    let text = TokenText.text(token)
    #expect(text.hasPrefix("ct1."))
    #expect(try TokenText.read(text) == token)
    for wrong in ["", "ct1.", String(text.dropLast()), text + "A", "ct2." + text.dropFirst(4)] {
      #expect(throws: ValidationError.self) { try TokenText.read(wrong) }
    }
  }
}
