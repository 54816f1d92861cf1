/// An instant: microseconds since 1970-01-01T00:00:00Z, without leap seconds.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Microseconds since the epoch; negative before 1970.
  public let microseconds: Int64

  /// The instant so many microseconds after the epoch.
  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// The instant so many seconds after the epoch.
  public init(seconds: Int64) { microseconds = seconds * 1_000_000 }

  public static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

  /// The instant `microseconds` later; stays at the last instant rather than overflow.
  public func advanced(byMicroseconds difference: Int64) -> Timestamp {
    let (sum, overflow) = microseconds.addingReportingOverflow(difference)
    return Timestamp(microseconds: overflow ? (difference > 0 ? .max : .min) : sum)
  }

  /// Microseconds from `other` to this instant.
  public func microseconds(since other: Timestamp) -> Int64 {
    microseconds.subtractingReportingOverflow(other.microseconds).partialValue
  }

  /// Whole days since the epoch, rounded down.
  public var day: Int64 { microseconds.flooredQuotient(by: 86_400_000_000) }
}

// MARK: - Text (RFC 3339)

extension Timestamp {
  /// The same for a `String`, at the speed of one: a generic initializer of another module is
  /// not specialized.
  public init?(rfc3339 text: String) { self.init(rfc3339: text[...]) }

  /// Reads RFC 3339 (`2026-01-10T12:34:56Z`, with an optional fraction and offset); a space may
  /// stand for `T`. Without an offset the text is taken as UTC. `nil` for anything else, also for
  /// dates that do not exist.
  public init?(rfc3339 text: some StringProtocol) {
    var scanner = DigitScanner(text.utf8)
    guard let year = scanner.number(digits: 4), scanner.take("-"),
      let month = scanner.number(digits: 2), (1...12).contains(month), scanner.take("-"),
      let day = scanner.number(digits: 2),
      (1...Self.dayCount(year: year, month: month)).contains(day)
    else { return nil }
    var seconds = Self.days(year: year, month: month, day: day) * 86_400
    var micros: Int64 = 0
    if !scanner.isAtEnd {
      guard scanner.take("T") || scanner.take(" ") || scanner.take("t"),
        let hour = scanner.number(digits: 2), hour < 24, scanner.take(":"),
        let minute = scanner.number(digits: 2), minute < 60, scanner.take(":"),
        let second = scanner.number(digits: 2), second < 60
      else { return nil }
      seconds += hour * 3_600 + minute * 60 + second
      if scanner.take(".") {
        guard let fraction = scanner.fraction() else { return nil }
        micros = fraction
      }
      if !scanner.isAtEnd, !(scanner.take("Z") || scanner.take("z")) {
        let sign: Int64
        if scanner.take("+") {
          sign = 1
        } else if scanner.take("-") {
          sign = -1
        } else {
          return nil
        }
        guard let hours = scanner.number(digits: 2), hours < 24, scanner.take(":"),
          let minutes = scanner.number(digits: 2), minutes < 60
        else { return nil }
        seconds -= sign * (hours * 3_600 + minutes * 60)
      }
    }
    guard scanner.isAtEnd else { return nil }
    self.init(microseconds: seconds * 1_000_000 + micros)
  }

  /// RFC 3339 in UTC; a fraction only where there is one.
  public var description: String {
    let seconds = microseconds.flooredQuotient(by: 1_000_000)
    let fraction = microseconds - seconds * 1_000_000
    let dayNumber = seconds.flooredQuotient(by: 86_400)
    let inDay = seconds - dayNumber * 86_400
    let (year, month, day) = Self.civil(dayNumber)
    var text = "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))T"
    text += "\(Self.padded(inDay / 3_600, 2)):\(Self.padded(inDay / 60 % 60, 2)):"
    text += Self.padded(inDay % 60, 2)
    if fraction != 0 {
      var digits = Self.padded(fraction, 6)
      while digits.hasSuffix("0") { digits.removeLast() }
      text += "." + digits
    }
    return text + "Z"
  }

  private static func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func dayCount(year: Int64, month: Int64) -> Int64 {
    switch month {
    case 2:
      year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  // Days from civil date and back, on a calendar whose year begins in March, so that the leap day
  // is the last of the year.
  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month > 2 ? year : year - 1
    let era = shifted.flooredQuotient(by: 400)
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = shifted.flooredQuotient(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}

extension Int64 {
  fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}

/// Reads the digits and separators of a date.
private struct DigitScanner<Text: Sequence<UInt8>> {
  private var iterator: Text.Iterator
  private var next: UInt8?

  init(_ text: Text) {
    iterator = text.makeIterator()
    next = iterator.next()
  }

  var isAtEnd: Bool { next == nil }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    next = iterator.next()
    return true
  }

  mutating func number(digits: Int) -> Int64? {
    var value: Int64 = 0
    for _ in 0..<digits {
      guard let digit = digit() else { return nil }
      value = value * 10 + digit
    }
    return value
  }

  /// One to nine digits after the point, as microseconds; digits past the sixth are dropped.
  mutating func fraction() -> Int64? {
    var value: Int64 = 0
    var count = 0
    while let digit = digit() {
      if count < 6 { value = value * 10 + digit }
      count += 1
    }
    guard (1...9).contains(count) else { return nil }
    for _ in count..<max(6, count) { value *= 10 }
    return value
  }

  private mutating func digit() -> Int64? {
    guard let character = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) else {
      return nil
    }
    next = iterator.next()
    return Int64(character - UInt8(ascii: "0"))
  }
}
