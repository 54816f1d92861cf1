package import PrivacyCore

/// Why a row or an event was refused: a sentence that names fields, never values.
package struct WriteRefusal: Error, Equatable, Sendable {
  package let reason: String

  package init(_ reason: String) { self.reason = reason }
}

/// What every write must pass, whatever the consent.
package enum WriteCheck {
  /// Refuses an event id that is empty, too long or looks like a direct identifier.
  package static func check(eventID: String) throws(WriteRefusal) {
    guard !eventID.isEmpty else { throw WriteRefusal("the event has no id") }
    guard eventID.utf8.count <= FeatureLimits.eventIDByteCountMax else {
      throw WriteRefusal(
        "the event's id has more than \(FeatureLimits.eventIDByteCountMax) bytes")
    }
    if let finding = IdentifierGuard.finding(in: eventID) {
      throw WriteRefusal("the event's id looks like \(finding.rawValue)")
    }
  }

  /// Refuses times before 1970 and those further ahead than clocks differ.
  package static func check(time: Timestamp, now: Timestamp) throws(WriteRefusal) {
    guard time.microseconds > 0 else { throw WriteRefusal("it has no event time") }
    guard time.microseconds(since: now) <= FeatureLimits.futureMicrosecondsMax else {
      throw WriteRefusal("its event time lies more than a day in the future")
    }
  }

  /// Refuses a name that does not follow `NameRule`, without repeating it.
  package static func check(fieldName: String) throws(WriteRefusal) {
    guard NameRule.accepts(fieldName) else {
      throw WriteRefusal(
        "a field's name must be a lower-case letter and up to 63 of a-z, 0-9, _, - and .")
    }
  }

  /// Refuses numbers that are none, long texts, and texts that look like a direct identifier.
  package static func check(_ value: FeatureDatum, field: String) throws(WriteRefusal) {
    switch value {
    case .int, .bool: break
    case .double(let number):
      guard number.isFinite else { throw WriteRefusal("field \(field) is not a finite number") }
    case .string(let text): try check(text: text, field: field)
    case .strings(let texts):
      guard texts.count <= FeatureLimits.textCountMax else {
        throw WriteRefusal("field \(field) has more than \(FeatureLimits.textCountMax) texts")
      }
      for text in texts { try check(text: text, field: field) }
    case .tallies: throw WriteRefusal("field \(field) is a tally, which cannot be written")
    }
  }

  /// Refuses a value that the view's feature of that name cannot take; gives it in that type.
  package static func check(
    _ value: FeatureDatum?, field: String, in view: FeatureView
  ) throws(WriteRefusal) -> FeatureDatum? {
    guard let feature = view.feature(field) else {
      throw WriteRefusal("view \(view.name) has no feature \(field)")
    }
    guard let value else { return nil }
    try check(value, field: field)
    guard let converted = value.converted(to: feature.type) else {
      throw WriteRefusal(
        "field \(field) is \(value.typeName), but the view says \(feature.type.rawValue)")
    }
    return converted
  }

  /// Refuses a value that cannot stand in an event of `source`.
  package static func check(
    _ value: FeatureDatum, field: String, in source: EventSource
  ) throws(WriteRefusal) {
    if case .strings = value {
      throw WriteRefusal("field \(field) is a list, which an event cannot have")
    }
    try check(value, field: field)
    if let expected = source.expectation(for: value, in: field) {
      throw WriteRefusal("field \(field) is \(value.typeName), but the views need \(expected)")
    }
  }

  /// Refuses a row or an event whose values together are too large.
  package static func check(byteCount: Int) throws(WriteRefusal) {
    guard byteCount <= FeatureLimits.itemByteCountMax else {
      throw WriteRefusal("its values have more than \(FeatureLimits.itemByteCountMax) bytes")
    }
  }

  private static func check(text: String, field: String) throws(WriteRefusal) {
    guard text.utf8.count <= FeatureLimits.textByteCountMax else {
      throw WriteRefusal(
        "field \(field) has more than \(FeatureLimits.textByteCountMax) bytes")
    }
    if let finding = IdentifierGuard.finding(in: text) {
      throw WriteRefusal("field \(field) looks like \(finding.rawValue)")
    }
  }
}
