package import PrivacyCore

/// What the values of a feature are.
package enum FeatureType: String, CaseIterable, Sendable {
  case int
  case double
  case string
  case bool
  /// Several texts.
  case strings
  /// For each of several keys: on how many days, how often and when last.
  case tallies
}

/// One value of a feature or of an event's field. What is null is absent.
package enum FeatureDatum: Hashable, Sendable {
  case int(Int64)
  case double(Double)
  case string(String)
  case bool(Bool)
  case strings([String])
  case tallies([KeyTally])

  /// The value as a number, where it is one.
  package var number: Double? {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    default: nil
    }
  }

  /// The value as a key of a tally or of a set of distinct values: texts, whole numbers and truth
  /// values have one.
  package var key: String? {
    switch self {
    case .string(let text): text
    case .int(let value): String(value)
    case .bool(let value): value ? "true" : "false"
    default: nil
    }
  }

  /// The value as one of `type`: a whole number serves as a number, everything else must be of the
  /// type already.
  package func converted(to type: FeatureType) -> FeatureDatum? {
    switch (type, self) {
    case (.double, .int(let value)): .double(Double(value))
    case (.int, .int), (.double, .double), (.string, .string), (.bool, .bool),
      (.strings, .strings), (.tallies, .tallies):
      self
    default: nil
    }
  }

  /// Whether both say the same: like `==`, but 1 equals 1.0.
  package func matches(_ other: FeatureDatum) -> Bool {
    if self == other { return true }
    guard let left = number, let right = other.number else { return false }
    return left == right
  }

  /// What the value is, for messages.
  package var typeName: String {
    switch self {
    case .int: "int"
    case .double: "double"
    case .string: "string"
    case .bool: "bool"
    case .strings: "strings"
    case .tallies: "tallies"
    }
  }
}

/// What happened with one key of a tally.
package struct KeyTally: Hashable, Sendable {
  /// The key: an item's code.
  package var key: String
  /// The number of different days (UTC) on which it occurred.
  package var dayCount: UInt32
  /// The last time it occurred.
  package var lastAt: Timestamp
  /// The number of events.
  package var eventCount: UInt32
  /// The days themselves, counted from the epoch, ascending; the latest `dayCountMax` of them.
  package var days: [Int32]

  /// The most days that are named.
  package static let dayCountMax = 1_000

  package init(
    key: String, dayCount: UInt32, lastAt: Timestamp, eventCount: UInt32, days: [Int32]
  ) {
    self.key = key
    self.dayCount = dayCount
    self.lastAt = lastAt
    self.eventCount = eventCount
    self.days = days
  }
}
