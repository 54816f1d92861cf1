package import PrivacyCore

/// One feature of a view.
package struct Feature: Hashable, Sendable {
  package var name: String
  package var type: FeatureType
  /// What a person must have allowed for it to be served.
  package var scope: Scope
  /// How it is folded from events; `nil` for a written value.
  package var aggregation: Aggregation?
  /// What is served where there is nothing, or no consent.
  package var defaultValue: FeatureDatum?

  package init(
    name: String, type: FeatureType, scope: Scope, aggregation: Aggregation? = nil,
    defaultValue: FeatureDatum? = nil
  ) {
    self.name = name
    self.type = type
    self.scope = scope
    self.aggregation = aggregation
    self.defaultValue = defaultValue
  }
}

/// Features of one kind of entity that come from one place: written rows or a source of events.
package struct FeatureView: Hashable, Sendable {
  package var name: String
  /// What its rows speak of: "customer".
  package var entity: String
  /// The event source its aggregates fold; `nil` for a view of written rows.
  package var source: String?
  /// How long what it says stays fresh, in microseconds; 0: for ever.
  package var timeToLiveMicroseconds: Int64
  /// In the order of their definition; no two have the same name.
  package var features: [Feature]
  /// Counted up from 1 with each change.
  package var version: UInt32

  package init(
    name: String, entity: String, source: String? = nil, timeToLiveMicroseconds: Int64 = 0,
    features: [Feature], version: UInt32 = 1
  ) {
    self.name = name
    self.entity = entity
    self.source = source
    self.timeToLiveMicroseconds = timeToLiveMicroseconds
    self.features = features
    self.version = version
  }

  /// The feature with this name.
  package func feature(_ name: String) -> Feature? { features.first { $0.name == name } }

  /// Whether something that happened at `time` is too old to be served as of `asOf`.
  package func isExpired(_ time: Timestamp, asOf: Timestamp) -> Bool {
    timeToLiveMicroseconds > 0 && asOf.microseconds(since: time) > timeToLiveMicroseconds
  }

  /// The scopes that its features need.
  package var scopes: Set<Scope> { Set(features.map(\.scope)) }
}

/// What definitions, rows and events may hold at most.
package enum FeatureLimits {
  /// Views in force at one time.
  package static let viewCountMax = 1_000
  /// Features of one view, and fields of one row.
  package static let featureCountMax = 256
  /// Fields of one event.
  package static let eventFieldCountMax = 64
  /// Filters of one aggregate.
  package static let filterCountMax = 16
  /// Bytes of one text.
  package static let textByteCountMax = 4_096
  /// Texts of one value of type `strings`.
  package static let textCountMax = 256
  /// About the bytes of all values of one row or event.
  package static let itemByteCountMax = 16_384
  /// Bytes of an event's id.
  package static let eventIDByteCountMax = 128
  /// Rows or events of one call.
  package static let batchCountMax = 10_000
  /// How far in the future an event may lie, in microseconds: clocks differ.
  package static let futureMicrosecondsMax: Int64 = 86_400_000_000
}
