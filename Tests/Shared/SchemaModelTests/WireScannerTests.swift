import SchemaModel
import Testing

@Suite("Walking over a packed message")
struct WireScannerTests {
  @Test("gives every field with its bytes")
  func fields() throws {
    var scanner = WireScanner([
      0x08, 0x96, 0x01, 0x12, 0x01, 0x61, 0x1D, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0,
    ])
    #expect(try scanner.next()?.payload == .varint(150))
    let text = try scanner.next()
    #expect(text?.number == 2)
    #expect(text?.payload == .bytes([0x61]))
    #expect(text.map { Array($0.whole) } == [0x12, 0x01, 0x61])
    #expect(try scanner.next()?.payload == .fixed32(1))
    #expect(try scanner.next()?.payload == .fixed64(2))
    #expect(try scanner.next() == nil)
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    var name: String
    var bytes: [UInt8]
    var fault: WireFault
    var testDescription: String { name }
  }

  static let refusals: [Refusal] = [
    Refusal(name: "a tag without a value", bytes: [0x08], fault: .cutOff),
    Refusal(name: "a tag cut off", bytes: [0x88], fault: .cutOff),
    Refusal(name: "four bytes cut off", bytes: [0x0D, 1, 2, 3], fault: .cutOff),
    Refusal(name: "eight bytes cut off", bytes: [0x09, 1, 2, 3, 4, 5, 6, 7], fault: .cutOff),
    Refusal(name: "a length past the end", bytes: [0x0A, 2, 0], fault: .cutOff),
    Refusal(
      name: "a length of 2^63", bytes: [0x0A] + [UInt8](repeating: 0x80, count: 9) + [1],
      fault: .cutOff),
    Refusal(
      name: "a number of 65 bits", bytes: [0x08] + [UInt8](repeating: 0xFF, count: 9) + [2],
      fault: .longVarint),
    Refusal(
      name: "a number of 11 bytes", bytes: [0x08] + [UInt8](repeating: 0x80, count: 11),
      fault: .longVarint),
    Refusal(name: "field number 0", bytes: [0x00, 0], fault: .fieldNumber),
    Refusal(
      name: "field number 2^29", bytes: [0x80, 0x80, 0x80, 0x80, 0x10, 0], fault: .fieldNumber),
    Refusal(name: "a group", bytes: [0x0B, 0x0C], fault: .group),
    Refusal(name: "wire type 6", bytes: [0x0E], fault: .wireType),
    Refusal(name: "wire type 7", bytes: [0x0F], fault: .wireType),
  ]

  @Test("refuses", arguments: refusals)
  func refuses(_ refusal: Refusal) {
    var scanner = WireScanner(refusal.bytes)
    #expect(throws: refusal.fault) { try scanner.next() }
  }

  @Test("takes the largest number and the largest field number")
  func largest() throws {
    var scanner = WireScanner([0x08] + [UInt8](repeating: 0xFF, count: 9) + [1])
    #expect(try scanner.next()?.payload == .varint(.max))
    scanner = WireScanner([0xF8, 0xFF, 0xFF, 0xFF, 0x0F, 0])
    #expect(try scanner.next()?.number == 536_870_911)
  }
}
