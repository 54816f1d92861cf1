package import PrivacyCore

/// One written row of a person in one view.
package struct PersonRow: Equatable, Sendable {
  /// What time it speaks of.
  package var time: Timestamp
  /// The receipt it is kept under.
  package var consentID: String
  /// By feature name; a value that was written as null is there as `nil`.
  package var values: [String: FeatureDatum?]

  package init(time: Timestamp, consentID: String, values: [String: FeatureDatum?]) {
    self.time = time
    self.consentID = consentID
    self.values = values
  }
}

/// What is known of one feature of one person, before consent has been looked at.
package enum FeatureReading: Equatable, Sendable {
  case present(FeatureDatum, at: Timestamp)
  case null(at: Timestamp)
  case notFound
  case expired(at: Timestamp)
}

/// The rows of one person in one view.
package struct RowHistory: Sendable {
  /// The latest first.
  package let rows: [PersonRow]

  /// `rows` in any order.
  package init(_ rows: [PersonRow]) { self.rows = rows.sorted { $0.time > $1.time } }

  /// What the latest row that speaks of `feature` says as of a time: a row that leaves a feature
  /// out says nothing about it.
  package func reading(
    of feature: Feature, in view: FeatureView, asOf: Timestamp
  ) -> FeatureReading {
    for row in rows where row.time <= asOf {
      guard let value = row.values[feature.name] else { continue }
      if view.isExpired(row.time, asOf: asOf) { return .expired(at: row.time) }
      // A value of a type that the view had before and no longer has says nothing.
      guard let value else { return .null(at: row.time) }
      guard let converted = value.converted(to: feature.type) else { continue }
      return .present(converted, at: row.time)
    }
    return .notFound
  }
}

extension FoldableEvents {
  /// What a feature with an aggregate comes to as of a time.
  package func reading(
    of feature: Feature, in view: FeatureView, asOf: Timestamp
  ) -> FeatureReading {
    guard let aggregation = feature.aggregation, let latest = latest(asOf: asOf) else {
      return .notFound
    }
    if view.isExpired(latest, asOf: asOf) { return .expired(at: latest) }
    guard let folded = fold(aggregation, type: feature.type, asOf: asOf) else { return .notFound }
    return .present(folded.value, at: folded.latestAt)
  }
}
