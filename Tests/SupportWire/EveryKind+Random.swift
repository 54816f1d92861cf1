package import PrivacyCore

/// Random messages of the test schema that keep its limits.
extension EveryKind {
  package static func random(_ random: some RandomSource) -> EveryKind {
    func number(_ bound: UInt64) -> Int { Int(random.word() % bound) }
    func text(_ byteCountMax: UInt64) -> String {
      let letters: [Character] = ["a", "Z", "0", " ", "\"", "\n"]
      return String((0..<number(byteCountMax + 1)).map { _ in letters[number(6)] })
    }
    func bytes(_ countMax: UInt64) -> [UInt8] { random.bytes(count: number(countMax + 1)) }
    func list<Element>(_ countMax: UInt64, _ element: () -> Element) -> [Element] {
      (0..<number(countMax + 1)).map { _ in element() }
    }
    func int32() -> Int32 { Int32(truncatingIfNeeded: random.word()) }
    func int64() -> Int64 { Int64(truncatingIfNeeded: random.word()) }
    func color() -> Color { Color(rawValue: [0, 1, 700, 12_345, Int32.max][number(5)]) }
    func leaf() -> Leaf { Leaf(text: text(30), number: int32()) }

    var message = EveryKind()
    message.flag = number(2) == 0
    message.int32Value = int32()
    message.sint32Value = int32()
    message.sfixed32Value = int32()
    message.uint32Value = UInt32(bitPattern: int32())
    message.fixed32Value = UInt32(bitPattern: int32())
    message.int64Value = int64()
    message.sint64Value = int64()
    message.sfixed64Value = int64()
    message.uint64Value = random.word()
    message.fixed64Value = random.word()
    message.floatValue = Float(int32()) / 7
    message.doubleValue = Double(int64()) / 7
    message.text = text(40)
    message.secretBytes = bytes(8)
    message.color = color()
    message.shape = number(2) == 0 ? .circle : .unspecified
    message.leaf = number(2) == 0 ? leaf() : nil
    message.default = text(2_000)
    message.register = number(2) == 0
    message.consentID = "Grüße, 世界 \(text(5))"
    message.flags = list(20) { number(2) == 0 }
    message.numbers = list(20, int64)
    message.floats = list(200) { Float(int32()) }
    message.doubles = list(20) { Double(int64()) }
    message.texts = list(3) { text(5) }
    message.byteLists = list(20) { bytes(40) }
    message.colors = list(20, color)
    message.leaves = list(20, leaf)
    message.choice =
      switch number(5) {
      case 0: .choiceNumber(int32())
      case 1: .choiceText(text(50))
      case 2: .choiceLeaf(leaf())
      case 3: .choiceColor(color())
      default: nil
      }
    return message
  }
}
