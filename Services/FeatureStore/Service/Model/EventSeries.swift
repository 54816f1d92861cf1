package import PrivacyCore

/// One event of a person.
package struct PersonEvent: Equatable, Sendable {
  package var time: Timestamp
  /// The idempotency key: taken once within a source and a person.
  package var id: String
  /// The receipt it is kept under.
  package var consentID: String
  /// No name twice; null is left out.
  package var fields: [(name: String, value: FeatureDatum)]

  package init(
    time: Timestamp, id: String, consentID: String, fields: [(name: String, value: FeatureDatum)]
  ) {
    self.time = time
    self.id = id
    self.consentID = consentID
    self.fields = fields
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.time == right.time && left.id == right.id && left.consentID == right.consentID
      && left.fields.count == right.fields.count
      && zip(left.fields, right.fields).allSatisfy { $0.name == $1.name && $0.value == $1.value }
  }
}

/// The values of one field over a series of events: each different value once, and for each event
/// which of them it has.
package struct EventColumn: Sendable {
  /// The different values, in the order in which they first came.
  package private(set) var values: [FeatureDatum] = []
  /// For each event the place of its value, or `absent`.
  package private(set) var codes: [Int32] = []
  private var places: [FeatureDatum: Int32] = [:]

  /// The code of an event that has no value here.
  package static let absent: Int32 = -1

  init(absentCount: Int) { codes = Array(repeating: Self.absent, count: absentCount) }

  /// A column read back from its parts; `nil` where a code names no value.
  package init?(values: [FeatureDatum], codes: [Int32]) {
    guard codes.allSatisfy({ $0 >= Self.absent && Int($0) < values.count }) else { return nil }
    self.values = values
    self.codes = codes
  }

  /// The value at `index`.
  package func value(at index: Int) -> FeatureDatum? {
    codes[index] == Self.absent ? nil : values[Int(codes[index])]
  }

  mutating func append(_ value: FeatureDatum) { codes.append(code(of: value)) }

  mutating func appendAbsent(count: Int) {
    codes.append(contentsOf: repeatElement(Self.absent, count: count))
  }

  mutating func append(_ other: EventColumn) {
    let translation = other.values.map { code(of: $0) }
    codes.append(
      contentsOf: other.codes.lazy.map { $0 == Self.absent ? Self.absent : translation[Int($0)] })
  }

  mutating func reorder(_ order: [Int]) { codes = order.map { codes[$0] } }

  private mutating func code(of value: FeatureDatum) -> Int32 {
    // A column that was read back has no places until something is added to it.
    if places.count != values.count {
      places = Dictionary(
        zip(values, Int32(0)...), uniquingKeysWith: { first, _ in first })
    }
    if let place = places[value] { return place }
    let place = Int32(values.count)
    places[value] = place
    values.append(value)
    return place
  }
}

/// The events of one person and one source, column by column, ordered by time and then by id.
package struct EventSeries: Sendable {
  /// When each happened, in microseconds since the epoch.
  package private(set) var times: [Int64] = []
  /// The id of each.
  package private(set) var ids: [String] = []
  /// The receipt of each.
  package private(set) var consentIDs = EventColumn(absentCount: 0)
  /// Field by field.
  package private(set) var columns: [String: EventColumn] = [:]

  /// No events.
  package init() {}

  /// `events` in any order.
  package init(_ events: some Sequence<PersonEvent>) {
    for event in events { append(event) }
    sort()
  }

  /// A series read back from its columns; `nil` where they do not have one entry for each event.
  package init?(
    times: [Int64], ids: [String], consentIDs: EventColumn, columns: [String: EventColumn]
  ) {
    guard ids.count == times.count, consentIDs.codes.count == times.count,
      columns.values.allSatisfy({ $0.codes.count == times.count })
    else { return nil }
    self.times = times
    self.ids = ids
    self.consentIDs = consentIDs
    self.columns = columns
    sort()
  }

  /// The number of events.
  package var count: Int { times.count }

  /// Adds the events of `other`.
  package mutating func merge(_ other: EventSeries) {
    guard count > 0 else {
      self = other
      return
    }
    consentIDs.append(other.consentIDs)
    let count = count
    for (name, column) in other.columns {
      columns[name, default: EventColumn(absentCount: count)].append(column)
    }
    times += other.times
    ids += other.ids
    fillColumns()
    sort()
  }

  /// What aggregates look at, without the rest.
  package var foldable: FoldableEvents { FoldableEvents(times: times, columns: columns) }

  private mutating func append(_ event: PersonEvent) {
    let count = count
    for (name, value) in event.fields {
      columns[name, default: EventColumn(absentCount: count)].append(value)
    }
    consentIDs.append(.string(event.consentID))
    times.append(event.time.microseconds)
    ids.append(event.id)
    fillColumns()
  }

  private mutating func fillColumns() {
    for index in columns.indices {
      let missing = count - columns.values[index].codes.count
      if missing > 0 { columns.values[index].appendAbsent(count: missing) }
    }
  }

  private mutating func sort() {
    let isSorted = (1..<Swift.max(1, count)).allSatisfy { !isBefore($0, $0 - 1) }
    guard !isSorted else { return }
    let order = (0..<count).sorted(by: isBefore)
    times = order.map { times[$0] }
    ids = order.map { ids[$0] }
    consentIDs.reorder(order)
    for index in columns.indices { columns.values[index].reorder(order) }
  }

  private func isBefore(_ left: Int, _ right: Int) -> Bool {
    times[left] == times[right] ? ids[left] < ids[right] : times[left] < times[right]
  }
}
