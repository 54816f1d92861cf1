internal import Cryptography
internal import Gate
internal import PrivacyCore
internal import Testing

@Suite("The table of keys of people")
struct SubjectKeyTableTests {
  private static func pid(_ number: UInt64) -> PseudonymousID {
    PseudonymousID(words: (7, number, 0, 9))
  }

  private static func key(_ number: UInt64) -> [UInt8] {
    var random = SplitMix64(seed: number)
    return (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  private static func found(_ number: UInt64, in table: inout SubjectKeyTable) -> [UInt8]? {
    guard let key = table.key(of: pid(number)) else { return nil }
    return key.withUnsafeBytes { Array($0) }
  }

  private static func holds(_ key: [UInt8], _ table: borrowing SubjectKeyTable) -> Bool {
    table.withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count - key.count, by: key.count).contains {
        bytes[$0..<$0 + key.count].elementsEqual(key)
      }
    }
  }

  @Test(
    "whatever comes and goes in whatever order, it holds what a dictionary holds", arguments: 1...6)
  func anyOrder(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var table = SubjectKeyTable(countMax: 5_000)
    var expected: [UInt64: [UInt8]] = [:]
    for step in 0..<20_000 {
      let number = UInt64.random(in: 0..<4_000, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0:
        table.remove(Self.pid(number))
        expected[number] = nil
      case 1:
        do {
          let found = Self.found(number, in: &table)
          #expect(found == expected[number])
        }
      default:
        table.insert(Self.key(number &+ UInt64(step % 2)), of: Self.pid(number))
        expected[number] = Self.key(number &+ UInt64(step % 2))
      }
    }
    let count = table.count
    #expect(count == expected.count)
    for number in UInt64(0)..<4_000 {
      do {
        let found = Self.found(number, in: &table)
        #expect(found == expected[number])
      }
    }
  }

  @Test("at full size a person takes at most 64 bytes", arguments: [1_000, 100_000, 123_457])
  func byteCount(countMax: Int) {
    var table = SubjectKeyTable(countMax: countMax)
    for number in 0..<UInt64(countMax) { table.insert(Self.key(1), of: Self.pid(number)) }
    let count = table.count
    #expect(count == countMax)
    let byteCount = table.byteCount
    #expect(byteCount <= countMax * 64)
  }

  @Test("as many as allowed are kept; one more takes the place of one that was not asked for")
  func bounded() {
    var table = SubjectKeyTable(countMax: 100)
    for number in UInt64(0)..<100 { table.insert(Self.key(number), of: Self.pid(number)) }
    let count = table.count
    #expect(count == 100)
    for number in UInt64(0)..<100 { #expect(Self.found(number, in: &table) != nil) }
    // All but one are asked for again after the hand has passed once.
    table.insert(Self.key(100), of: Self.pid(100))
    let countAfter = table.count
    #expect(countAfter == 100)
    var gone: [UInt64] = []
    for number in UInt64(0)...100 where Self.found(number, in: &table) == nil {
      gone.append(number)
    }
    #expect(gone.count == 1)
    for number in gone {
      let isHeld = Self.holds(Self.key(number), table)
      #expect(!isHeld)
    }
    do {
      let found = Self.found(100, in: &table)
      #expect(found == Self.key(100))
    }
  }

  @Test("those that are asked for stay while others come and go")
  func clock() {
    var table = SubjectKeyTable(countMax: 64)
    table.insert(Self.key(0), of: Self.pid(0))
    for number in UInt64(1)..<1_000 {
      table.insert(Self.key(number), of: Self.pid(number))
      do {
        let found = Self.found(0, in: &table)
        #expect(found == Self.key(0))
      }
    }
    let count = table.count
    #expect(count == 64)
  }

  @Test("a key that is removed is wiped from memory")
  func wiped() {
    var table = SubjectKeyTable(countMax: 1_000)
    for number in UInt64(0)..<1_000 { table.insert(Self.key(number), of: Self.pid(number)) }
    for number in UInt64(0)..<1_000 where number % 3 == 0 {
      let isHeldBefore = Self.holds(Self.key(number), table)
      table.remove(Self.pid(number))
      let isHeldAfter = Self.holds(Self.key(number), table)
      #expect(isHeldBefore && !isHeldAfter)
    }
    table.remove(Self.pid(0))
    let count = table.count
    #expect(count == 666)
    do {
      let found = Self.found(1, in: &table)
      #expect(found == Self.key(1))
    }
  }

  @Test("a table for one person holds one")
  func one() {
    var table = SubjectKeyTable(countMax: 1)
    table.insert(Self.key(1), of: Self.pid(1))
    table.insert(Self.key(2), of: Self.pid(2))
    let count = table.count
    #expect(count == 1)
    do {
      let found = Self.found(2, in: &table)
      #expect(found == Self.key(2))
    }
  }
}
