/// The bits of one segment of a TC string, six to a character, the highest first.
struct TCFBits {
  private let sextets: [UInt8]
  private var position = 0
  /// What the segment is, for its faults.
  var segment: TCFFault.Segment

  /// The most bits behind the last field: encoders fill up to whole bytes and then to whole
  /// groups of four characters, which is 24 bits.
  static let paddingBitCountMax = 23

  private static let values: [UInt8] = {
    var table = [UInt8](repeating: 0xFF, count: 256)
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
    for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
    return table
  }()

  /// The bits of `text`, the segment at `number` from 1.
  init(
    _ text: Substring.UTF8View, number: Int, segment: TCFFault.Segment
  ) throws(TCFFault) {
    var sextets: [UInt8] = []
    sextets.reserveCapacity(text.count)
    for (index, character) in text.enumerated() {
      let value = Self.values[Int(character)]
      guard value < 64 else { throw .notBase64URL(segment: number, character: index + 1) }
      sextets.append(value)
    }
    self.sextets = sextets
    self.segment = segment
  }

  /// The next `count` bits as a number; up to 57 of them.
  mutating func number(_ count: Int) throws(TCFFault) -> Int {
    guard sextets.count * 6 - position >= count else { throw .truncated(segment) }
    var value = 0
    for _ in 0..<count {
      value = value << 1 | Int(sextets[position / 6] >> UInt8(5 - position % 6) & 1)
      position += 1
    }
    return value
  }

  /// The next bit.
  mutating func flag() throws(TCFFault) -> Bool { try number(1) == 1 }

  /// The numbers, from 1, of the bits that are set among the next `count`.
  mutating func set(_ count: Int) throws(TCFFault) -> Set<Int> {
    var set: Set<Int> = []
    for id in 0..<count {
      if try flag() { set.insert(id + 1) }
    }
    return set
  }

  /// Two letters, upper case, six bits each: A is 0.
  mutating func letters(_ field: String) throws(TCFFault) -> String {
    var text = ""
    for _ in 0..<2 {
      let letter = try number(6)
      guard letter < 26 else { throw .notALetter(field: field) }
      text.unicodeScalars.append(Unicode.Scalar(UInt8(ascii: "A") + UInt8(letter)))
    }
    return text
  }

  /// Vendors: how many there can be, and then a bit for each or ranges.
  mutating func vendors() throws(TCFFault) -> TCFVendors {
    let max = try number(16)
    guard try flag() else {
      guard sextets.count * 6 - position >= max else { throw .truncated(segment) }
      var ranges: [ClosedRange<Int>] = []
      var start: Int?
      for vendor in 1..<(max + 2) {
        if vendor <= max, try flag() {
          start = start ?? vendor
        } else if let first = start {
          ranges.append(first...(vendor - 1))
          start = nil
        }
      }
      return TCFVendors(ranges)
    }
    return try self.ranges(upTo: max)
  }

  /// A list of ranges; with `max` none may go beyond it.
  mutating func ranges(upTo max: Int?) throws(TCFFault) -> TCFVendors {
    let count = try number(12)
    var ranges: [ClosedRange<Int>] = []
    for _ in 0..<count {
      let isRange = try flag()
      let first = try number(16)
      let last = isRange ? try number(16) : first
      guard first >= 1, last >= first else { throw .malformedRange(segment) }
      if let max, last > max { throw .vendorBeyondMax(segment, vendor: last, max: max) }
      ranges.append(first...last)
    }
    return TCFVendors(ranges)
  }

  /// Refuses anything but a few 0 bits until the end.
  mutating func expectEnd() throws(TCFFault) {
    guard sextets.count * 6 - position <= Self.paddingBitCountMax else {
      throw .paddingTooLong(segment)
    }
    while position < sextets.count * 6 {
      guard try !flag() else { throw .paddingNotZero(segment) }
    }
  }
}
