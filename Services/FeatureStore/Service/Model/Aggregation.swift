/// How the events of a window become one value.
package enum AggregateKind: String, CaseIterable, Sendable {
  /// How many events there are; with a field, how many have it.
  case count
  /// The sum of a field's numbers.
  case sum
  /// The mean of a field's numbers.
  case mean
  /// The least of a field's numbers.
  case min
  /// The greatest of a field's numbers.
  case max
  /// A field's value in the latest event that has it.
  case last
  /// A field's most frequent value; of several, the one that occurred last.
  case mode
  /// A field's different values in the order of their bytes, or as `int` how many there are.
  case distinct
  /// For each value of a field: on how many days, how often and when last; the latest first.
  case tally

  /// The types a feature with this aggregate may have.
  package var types: [FeatureType] {
    switch self {
    case .count: [.int]
    case .sum, .min, .max: [.int, .double]
    case .mean: [.double]
    case .last: [.int, .double, .string, .bool]
    case .mode: [.int, .string, .bool]
    case .distinct: [.strings, .int]
    case .tally: [.tallies]
    }
  }

  /// Whether the aggregate looks at a field of the events.
  package var needsField: Bool { self != .count }
}

/// The aggregate of one feature: what it folds, over which events.
package struct Aggregation: Hashable, Sendable {
  package var kind: AggregateKind
  /// The field it looks at; `nil` only for `count`.
  package var field: String?
  /// The length of the window that ends with the time asked for, in microseconds; 0: all time.
  package var windowMicroseconds: Int64
  /// What an event must have in order to count, all of it, by field.
  package var filters: [String: FeatureDatum]

  package init(
    _ kind: AggregateKind, field: String? = nil, windowMicroseconds: Int64 = 0,
    filters: [String: FeatureDatum] = [:]
  ) {
    self.kind = kind
    self.field = field
    self.windowMicroseconds = windowMicroseconds
    self.filters = filters
  }

  /// Whether this aggregate, in a feature of `type`, can use `value` in an event's field `name`.
  func accepts(_ value: FeatureDatum, type: FeatureType) -> Bool {
    switch kind {
    case .count: true
    case .mean: value.number != nil
    case .sum, .min, .max, .last, .mode: value.converted(to: type) != nil
    case .distinct: type == .int || value.key != nil
    case .tally: value.key != nil
    }
  }
}
