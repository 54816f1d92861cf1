internal import FeaturesAPI
internal import PrivacyCore

// The model's values as messages, and back.

extension FeatureDatum {
  /// The value of a message; `nil` for null.
  init?(_ value: Value?) {
    switch value?.kind {
    case nil: return nil
    case .intValue(let number)?: self = .int(number)
    case .doubleValue(let number)?: self = .double(number)
    case .stringValue(let text)?: self = .string(text)
    case .boolValue(let truth)?: self = .bool(truth)
    case .strings(let list)?: self = .strings(list.values)
    case .tallies(let list)?:
      self = .tallies(
        list.tallies.map {
          KeyTally(
            key: $0.key, dayCount: $0.dayCount, lastAt: Timestamp(microseconds: $0.lastAtUs),
            eventCount: $0.eventCount, days: $0.days)
        })
    }
  }

  /// The value as a message.
  var message: Value {
    switch self {
    case .int(let number): Value(kind: .intValue(number))
    case .double(let number): Value(kind: .doubleValue(number))
    case .string(let text): Value(kind: .stringValue(text))
    case .bool(let truth): Value(kind: .boolValue(truth))
    case .strings(let texts): Value(kind: .strings(StringList(values: texts)))
    case .tallies(let tallies):
      Value(
        kind: .tallies(
          TallyList(
            tallies: tallies.map {
              Tally(
                key: $0.key, dayCount: $0.dayCount, lastAtUs: $0.lastAt.microseconds,
                eventCount: $0.eventCount, days: $0.days)
            })))
    }
  }

  /// About how many bytes the value takes in a message.
  var messageByteCount: Int {
    switch self {
    case .int, .double, .bool: 12
    case .string(let text): text.utf8.count + 6
    case .strings(let texts): texts.reduce(8) { $0 + $1.utf8.count + 4 }
    case .tallies(let tallies):
      tallies.reduce(8) { $0 + $1.key.utf8.count + 28 + $1.days.count * 3 }
    }
  }
}

extension FeatureView {
  /// The view as a message.
  var message: ViewDescription {
    ViewDescription(
      name: name, version: version, source: source ?? "",
      ttlSeconds: timeToLiveMicroseconds / 1_000_000, features: features.map(\.message),
      entity: entity)
  }

  /// The view of a message that `message` made; `nil` for any other.
  init?(_ message: ViewDescription) {
    let features = message.features.compactMap { Feature($0) }
    guard features.count == message.features.count else { return nil }
    self.init(
      name: message.name, entity: message.entity,
      source: message.source.isEmpty ? nil : message.source,
      timeToLiveMicroseconds: message.ttlSeconds * 1_000_000, features: features,
      version: message.version)
  }
}

extension Feature {
  fileprivate var message: FeatureDescription {
    FeatureDescription(
      name: name, type: type.rawValue, scope: scope.description,
      aggregate: aggregation?.kind.rawValue ?? "",
      windowSeconds: (aggregation?.windowMicroseconds ?? 0) / 1_000_000,
      hasDefault: defaultValue != nil, field: aggregation?.field ?? "",
      filters: (aggregation?.filters ?? [:]).sorted { $0.key < $1.key }
        .map { Field(name: $0.key, value: $0.value.message) },
      defaultValue: defaultValue?.message)
  }

  fileprivate init?(_ message: FeatureDescription) {
    guard let type = FeatureType(rawValue: message.type), let scope = Scope(message.scope) else {
      return nil
    }
    self.init(
      name: message.name, type: type, scope: scope,
      defaultValue: FeatureDatum(message.defaultValue))
    guard !message.aggregate.isEmpty else { return }
    guard let kind = AggregateKind(rawValue: message.aggregate) else { return nil }
    var aggregation = Aggregation(
      kind, field: message.field.isEmpty ? nil : message.field,
      windowMicroseconds: message.windowSeconds * 1_000_000)
    for filter in message.filters {
      guard let wanted = FeatureDatum(filter.value) else { return nil }
      aggregation.filters[filter.name] = wanted
    }
    self.aggregation = aggregation
  }
}
