internal import FeatureStoreService
internal import PrivacyCore

/// The aggregates as their definitions say them, without a thought for speed.
struct NaiveFold {
  let events: [PersonEvent]
  let asOf: Timestamp

  private func value(_ event: PersonEvent, _ field: String?) -> FeatureDatum? {
    event.fields.first { $0.name == field }?.value
  }

  func fold(_ aggregation: Aggregation, _ type: FeatureType) -> Folded? {
    let past = events.filter { $0.time <= asOf }
      .sorted { ($0.time.microseconds, $0.id) < ($1.time.microseconds, $1.id) }
    guard let latest = past.last else { return nil }
    let selected = past.filter { event in
      let age = asOf.microseconds - event.time.microseconds
      if aggregation.windowMicroseconds > 0, age >= aggregation.windowMicroseconds { return false }
      return aggregation.filters.allSatisfy { field, wanted in
        value(event, field).map(wanted.matches) ?? false
      } && (aggregation.field == nil || value(event, aggregation.field) != nil)
    }
    if aggregation.kind == .count {
      return Folded(
        value: .int(Int64(selected.count)), latestAt: selected.last?.time ?? latest.time)
    }
    let pairs = selected.compactMap { event -> (time: Timestamp, value: FeatureDatum)? in
      guard let value = value(event, aggregation.field), isUsable(value, aggregation.kind, type)
      else { return nil }
      return (event.time, value)
    }
    guard let last = pairs.last else { return nil }
    return Folded(
      value: result(pairs, aggregation.kind, type), latestAt: last.time)
  }

  private func isUsable(_ value: FeatureDatum, _ kind: AggregateKind, _ type: FeatureType) -> Bool {
    switch kind {
    case .count: true
    case .mean: value.number != nil
    case .sum, .min, .max, .last, .mode: value.converted(to: type) != nil
    case .distinct: type == .int || value.key != nil
    case .tally: value.key != nil
    }
  }

  private func result(
    _ pairs: [(time: Timestamp, value: FeatureDatum)], _ kind: AggregateKind, _ type: FeatureType
  ) -> FeatureDatum {
    let numbers = pairs.compactMap(\.value.number)
    func number(_ value: Double?) -> FeatureDatum {
      type == .int ? .int(Int64(value ?? 0)) : .double(value ?? 0)
    }
    switch kind {
    case .count: return .int(Int64(pairs.count))
    case .sum: return number(numbers.reduce(0, +))
    case .mean: return number(numbers.reduce(0, +) / Double(numbers.count))
    case .min: return number(numbers.min())
    case .max: return number(numbers.max())
    case .last: return pairs[pairs.count - 1].value.converted(to: type) ?? .int(0)
    case .mode:
      let values = pairs.map(\.value)
      let best = values.indices.max { left, right in
        let counts = (
          values.count(where: { $0 == values[left] }),
          values.count(where: { $0 == values[right] })
        )
        return counts.0 == counts.1 ? left < right : counts.0 < counts.1
      }
      return values[best ?? 0]
    case .distinct:
      if type == .int { return .int(Int64(Set(pairs.map(\.value)).count)) }
      return .strings(Set(pairs.compactMap(\.value.key)).sorted())
    case .tally: return .tallies(tallies(pairs))
    }
  }

  private func tallies(_ pairs: [(time: Timestamp, value: FeatureDatum)]) -> [KeyTally] {
    let keys = pairs.compactMap(\.value.key)
    let latest = Set(keys).sorted { left, right in
      (keys.lastIndex(of: left) ?? 0) > (keys.lastIndex(of: right) ?? 0)
    }
    return latest.map { key in
      let times = pairs.filter { $0.value.key == key }.map(\.time)
      let days = Set(times.map { Int32($0.day) }).sorted()
      return KeyTally(
        key: key, dayCount: UInt32(days.count), lastAt: times.max() ?? asOf,
        eventCount: UInt32(times.count), days: days)
    }
  }
}
