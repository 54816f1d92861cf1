internal import Cryptography
internal import FeaturesAPI
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages

/// One part of what is known of a person.
enum PersonPart: Hashable, Sendable {
  /// The events of a source.
  case events(source: String)
  /// The written rows of a view.
  case rows(view: String)

  /// What a view's features are read from.
  init(of view: FeatureView) {
    self = view.source.map { .events(source: $0) } ?? .rows(view: view.name)
  }
}

/// The content of one part.
enum PartContent: Sendable {
  case events(FoldableEvents)
  case rows(RowHistory)

  /// About how much memory it takes, in values.
  var valueCount: Int {
    switch self {
    case .events(let events): events.times.count * (1 + events.columns.count)
    case .rows(let history): history.rows.reduce(1) { $0 + $1.values.count }
    }
  }

  /// What is known of a feature as of a time.
  func reading(of feature: Feature, in view: FeatureView, asOf: Timestamp) -> FeatureReading {
    switch self {
    case .events(let events): events.reading(of: feature, in: view, asOf: asOf)
    case .rows(let history): history.reading(of: feature, in: view, asOf: asOf)
    }
  }
}

extension StoreReading where Self: ~Copyable {
  /// The chunks of a person's events of one source, in the order of their keys.
  func eventChunks(
    of pid: PseudonymousID, source: String, under key: SealingKey
  ) throws -> [(key: EventChunkKey, series: EventSeries)] {
    var chunks: [(EventChunkKey, EventSeries)] = []
    try scan(FeatureTables.events, .prefix(KeyPair(pid, source)), under: key) { key, value in
      chunks.append((key, try value.message.series()))
      return .next
    }
    return chunks
  }

  /// One part of what is known of a person.
  func content(
    _ part: PersonPart, of pid: PseudonymousID, under key: SealingKey
  ) throws -> PartContent {
    switch part {
    case .events(let source):
      var whole = EventSeries()
      for chunk in try eventChunks(of: pid, source: source, under: key) {
        whole.merge(chunk.series)
      }
      return .events(whole.foldable)
    case .rows(let view):
      var rows: [PersonRow] = []
      try scan(FeatureTables.rows, .prefix(KeyPair(pid, view)), under: key) { key, value in
        rows.append(value.message.row(at: key.third))
        return .next
      }
      return .rows(RowHistory(rows))
    }
  }
}
