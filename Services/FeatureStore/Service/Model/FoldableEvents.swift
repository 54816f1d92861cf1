package import PrivacyCore

/// What an aggregate came to.
package struct Folded: Equatable, Sendable {
  /// The value.
  package var value: FeatureDatum
  /// When the latest event happened that it rests on.
  package var latestAt: Timestamp

  package init(value: FeatureDatum, latestAt: Timestamp) {
    self.value = value
    self.latestAt = latestAt
  }
}

/// The events of one person and one source as aggregates see them: in order, column by column.
package struct FoldableEvents: Sendable {
  /// Ascending, in microseconds since the epoch.
  package let times: [Int64]
  /// Field by field, each with a code for each event.
  package let columns: [String: EventColumn]

  /// The latest event as of a time, or `nil`.
  package func latest(asOf: Timestamp) -> Timestamp? {
    let end = firstPlace(after: asOf)
    return end > 0 ? Timestamp(microseconds: times[end - 1]) : nil
  }

  /// The aggregate as of a time, in a feature of `type`: over the events after `asOf` less the
  /// window, up to and with `asOf`, that pass the filters. `nil` where there are none, but for
  /// `count`, which is 0 then as long as the person has any event as of that time. A sum of whole
  /// numbers stays at the largest (smallest) one rather than overflow.
  package func fold(_ aggregation: Aggregation, type: FeatureType, asOf: Timestamp) -> Folded? {
    guard let selection = select(aggregation, asOf: asOf) else { return nil }
    switch aggregation.kind {
    case .count: return count(aggregation, selection)
    case .sum: return sum(selection, type)
    case .mean: return mean(selection)
    case .min: return extreme(selection, type) { $0 < $1 }
    case .max: return extreme(selection, type) { $0 > $1 }
    case .last: return last(selection, type)
    case .mode: return mode(selection, type)
    case .distinct: return distinct(selection, type)
    case .tally: return tally(selection)
    }
  }

  private func firstPlace(after time: Timestamp) -> Int {
    var low = 0
    var high = times.count
    while low < high {
      let middle = low + (high - low) / 2
      if times[middle] <= time.microseconds { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func folded(_ value: FeatureDatum, at place: Int) -> Folded {
    Folded(value: value, latestAt: Timestamp(microseconds: times[place]))
  }
}

// MARK: - Selection

extension FoldableEvents {
  /// The events that an aggregate is about.
  private struct Selection {
    /// Ascending; none is absent from `column` where there is one.
    var places: [Int]
    /// The field the aggregate looks at.
    var column: EventColumn?
    /// The latest event at all as of the time asked for.
    var latestPlace: Int
  }

  /// `nil` where the person has no event as of that time.
  private func select(_ aggregation: Aggregation, asOf: Timestamp) -> Selection? {
    let end = firstPlace(after: asOf)
    guard end > 0 else { return nil }
    var start = 0
    if aggregation.windowMicroseconds > 0 {
      start = firstPlace(after: asOf.advanced(byMicroseconds: -aggregation.windowMicroseconds))
    }
    var selection = Selection(places: [], column: nil, latestPlace: end - 1)
    if let field = aggregation.field {
      guard let column = columns[field] else { return selection }
      selection.column = column
    }
    var filters: [(codes: [Int32], passes: [Bool])] = []
    for (field, wanted) in aggregation.filters {
      guard let column = columns[field] else { return selection }
      filters.append((column.codes, column.values.map(wanted.matches)))
    }
    selection.places = (start..<max(start, end)).filter { place in
      if let column = selection.column, column.codes[place] == EventColumn.absent { return false }
      return filters.allSatisfy { filter in
        let code = filter.codes[place]
        return code != EventColumn.absent && filter.passes[Int(code)]
      }
    }
    return selection
  }
}

// MARK: - Numbers

extension FoldableEvents {
  private func count(_ aggregation: Aggregation, _ selection: Selection) -> Folded {
    let value = FeatureDatum.int(Int64(selection.places.count))
    return folded(value, at: selection.places.last ?? selection.latestPlace)
  }

  private func sum(_ selection: Selection, _ type: FeatureType) -> Folded? {
    guard type == .int else {
      guard let (numbers, place) = numbers(selection) else { return nil }
      return finite(numbers.reduce(0, +)).map { folded($0, at: place) }
    }
    var sum: Int64 = 0
    var lastPlace: Int?
    for place in selection.places {
      guard case .int(let value)? = selection.column?.value(at: place) else { continue }
      let (next, overflow) = sum.addingReportingOverflow(value)
      sum = overflow ? (value > 0 ? .max : .min) : next
      lastPlace = place
    }
    return lastPlace.map { folded(.int(sum), at: $0) }
  }

  private func mean(_ selection: Selection) -> Folded? {
    guard let (numbers, place) = numbers(selection) else { return nil }
    return finite(numbers.reduce(0, +) / Double(numbers.count)).map { folded($0, at: place) }
  }

  /// The first of the values that no other precedes.
  private func extreme(
    _ selection: Selection, _ type: FeatureType, precedes: (OrderedNumber, OrderedNumber) -> Bool
  ) -> Folded? {
    var best: OrderedNumber?
    var lastPlace: Int?
    for place in selection.places {
      guard let value = selection.column?.value(at: place)?.converted(to: type),
        let candidate = OrderedNumber(value)
      else { continue }
      lastPlace = place
      if best.map({ precedes(candidate, $0) }) ?? true { best = candidate }
    }
    guard let best, let lastPlace else { return nil }
    return folded(best.value, at: lastPlace)
  }

  private func numbers(_ selection: Selection) -> (values: [Double], lastPlace: Int)? {
    var values: [Double] = []
    var lastPlace: Int?
    for place in selection.places {
      guard let value = selection.column?.value(at: place)?.number else { continue }
      values.append(value)
      lastPlace = place
    }
    return lastPlace.map { (values, $0) }
  }

  /// Sums of finite numbers may still overflow: such a sum is no value.
  private func finite(_ number: Double) -> FeatureDatum? {
    number.isFinite ? .double(number) : nil
  }
}

/// Numbers of one type, compared exactly.
private struct OrderedNumber: Comparable {
  let value: FeatureDatum

  init?(_ value: FeatureDatum) {
    guard value.number != nil else { return nil }
    self.value = value
  }

  static func < (left: Self, right: Self) -> Bool {
    if case (.int(let left), .int(let right)) = (left.value, right.value) { return left < right }
    return (left.value.number ?? 0) < (right.value.number ?? 0)
  }
}

// MARK: - Values

extension FoldableEvents {
  private func last(_ selection: Selection, _ type: FeatureType) -> Folded? {
    for place in selection.places.reversed() {
      guard let value = selection.column?.value(at: place)?.converted(to: type) else { continue }
      return folded(value, at: place)
    }
    return nil
  }

  private func mode(_ selection: Selection, _ type: FeatureType) -> Folded? {
    guard let column = selection.column else { return nil }
    let usable = column.values.map { $0.converted(to: type) != nil }
    var occurrences = [(count: Int, lastPlace: Int)](
      repeating: (0, -1), count: column.values.count)
    var lastPlace: Int?
    for place in selection.places {
      let code = Int(column.codes[place])
      guard usable[code] else { continue }
      occurrences[code] = (occurrences[code].count + 1, place)
      lastPlace = place
    }
    // No two values occurred last in the same place, so that there is one greatest.
    guard let lastPlace,
      let best = occurrences.indices.max(by: { occurrences[$0] < occurrences[$1] })
    else { return nil }
    return folded(column.values[best], at: lastPlace)
  }

  private func distinct(_ selection: Selection, _ type: FeatureType) -> Folded? {
    guard let column = selection.column, let lastPlace = selection.places.last else { return nil }
    var isSeen = [Bool](repeating: false, count: column.values.count)
    for place in selection.places { isSeen[Int(column.codes[place])] = true }
    let values = column.values.indices.lazy.filter { isSeen[$0] }.map { column.values[$0] }
    if type == .int { return folded(.int(Int64(values.count)), at: lastPlace) }
    let texts = Set(values.compactMap(\.key))
    guard !texts.isEmpty else { return nil }
    return folded(
      .strings(texts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }), at: lastPlace)
  }

  private func tally(_ selection: Selection) -> Folded? {
    guard let column = selection.column else { return nil }
    let (slots, keys) = keySlots(column)
    var tallies = [RunningTally](repeating: RunningTally(), count: keys.count)
    var lastPlace: Int?
    for place in selection.places {
      guard let slot = slots[Int(column.codes[place])] else { continue }
      tallies[slot].add(Timestamp(microseconds: times[place]).day, at: place)
      lastPlace = place
    }
    guard let lastPlace else { return nil }
    let list = tallies.indices.filter { tallies[$0].eventCount > 0 }
      .sorted { tallies[$0].lastPlace > tallies[$1].lastPlace }
      .map { slot in
        KeyTally(
          key: keys[slot], dayCount: tallies[slot].dayCount,
          lastAt: Timestamp(microseconds: times[tallies[slot].lastPlace]),
          eventCount: tallies[slot].eventCount,
          days: Array(tallies[slot].days.suffix(KeyTally.dayCountMax)))
      }
    return folded(.tallies(list), at: lastPlace)
  }

  /// Where each value of a column is tallied: the text "7" and the number 7 are one key.
  private func keySlots(_ column: EventColumn) -> (slots: [Int?], keys: [String]) {
    var keys: [String] = []
    var places: [String: Int] = [:]
    let slots = column.values.map { value -> Int? in
      guard let key = value.key else { return nil }
      if let place = places[key] { return place }
      places[key] = keys.count
      keys.append(key)
      return keys.count - 1
    }
    return (slots, keys)
  }
}

/// What is known of one key half-way through the events, which come in the order of time.
private struct RunningTally {
  var dayCount: UInt32 = 0
  var eventCount: UInt32 = 0
  var lastPlace = -1
  var days: [Int32] = []

  mutating func add(_ day: Int64, at place: Int) {
    let day = Int32(clamping: day)
    if day != days.last {
      dayCount += 1
      days.append(day)
    }
    lastPlace = place
    eventCount += 1
  }
}
