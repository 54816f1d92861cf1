package import FeaturesAPI
internal import PrivacyCore
package import RPC

extension FeatureStoreService {
  package func writeEvents(
    _ request: WriteEventsRequest, context: CallContext
  ) async throws -> WriteReply {
    guard let source = views.catalog.sources[request.source] else {
      throw FeatureStoreError.notWritable(
        "no view folds events of this source; apply one first, it says what they are kept for")
    }
    try checkCount(request.events.count)
    var batch = WriteBatch<PersonEvent>()
    let now = time.now
    var names = CheckedNames()
    for (index, event) in request.events.enumerated() {
      batch.add(index, pid: event.pid, consentID: event.consentID) { () throws(WriteRefusal) in
        try Self.check(event, of: source, now: now, names: &names)
      }
    }
    let eventCountMax = configuration.eventCountMax
    let sourceName = request.source
    return try await commit(
      batch, as: "features.write_events", to: sourceName, scopes: source.scopes, context: context
    ) { place, entries, key, outcome, transaction in
      let result = try transaction.append(
        entries.map(\.item), of: place, source: sourceName, under: key,
        eventCountMax: eventCountMax)
      guard result.overLimit == 0 else {
        return "the person has \(eventCountMax) events in this source already, or would have more"
      }
      outcome.written += result.written
      outcome.duplicates += result.duplicates
      return nil
    }
  }

  private static func check(
    _ event: Event, of source: EventSource, now: Timestamp, names: inout CheckedNames
  ) throws(WriteRefusal) -> PersonEvent {
    try WriteCheck.check(eventID: event.eventID)
    let time = Timestamp(microseconds: event.eventTimeUs)
    try WriteCheck.check(time: time, now: now)
    guard event.fields.count <= FeatureLimits.eventFieldCountMax else {
      throw WriteRefusal("it has more than \(FeatureLimits.eventFieldCountMax) fields")
    }
    var fields: [(name: String, value: FeatureDatum)] = []
    fields.reserveCapacity(event.fields.count)
    var byteCount = 0
    for field in event.fields {
      try names.check(field.name)
      guard !fields.contains(where: { $0.name == field.name }) else {
        throw WriteRefusal("field \(field.name) is there twice")
      }
      guard let value = FeatureDatum(field.value) else { continue }
      try WriteCheck.check(value, field: field.name, in: source)
      byteCount += value.messageByteCount
      fields.append((field.name, value))
    }
    try WriteCheck.check(byteCount: byteCount)
    return PersonEvent(time: time, id: event.eventID, consentID: event.consentID, fields: fields)
  }
}
