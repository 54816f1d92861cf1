package import FeaturesAPI
internal import PrivacyCore
package import RPC

extension FeatureStoreService {
  package func writeRows(
    _ request: WriteRowsRequest, context: CallContext
  ) async throws -> WriteReply {
    guard let view = views.catalog.views[request.view] else {
      throw FeatureStoreError.notWritable("there is no view of that name; apply it first")
    }
    guard view.source == nil else {
      throw FeatureStoreError.notWritable(
        "view \(view.name) folds the events of its source and takes no rows")
    }
    try checkCount(request.rows.count)
    var batch = WriteBatch<PersonRow>()
    let now = time.now
    for (index, row) in request.rows.enumerated() {
      batch.add(index, pid: row.pid, consentID: row.consentID) { () throws(WriteRefusal) in
        try Self.check(row, of: view, now: now)
      }
    }
    return try await commit(
      batch, as: "features.write_rows", to: view.name, scopes: view.scopes, context: context
    ) { place, entries, key, outcome, transaction in
      for entry in entries {
        let isNew = try transaction.put(
          entry.item, of: place, view: view.name, under: key, writtenAt: now)
        if isNew { outcome.written += 1 } else { outcome.duplicates += 1 }
      }
      return nil
    }
  }

  private static func check(
    _ row: Row, of view: FeatureView, now: Timestamp
  ) throws(WriteRefusal) -> PersonRow {
    let time = Timestamp(microseconds: row.eventTimeUs)
    try WriteCheck.check(time: time, now: now)
    guard !row.fields.isEmpty else { throw WriteRefusal("it has no fields") }
    var values: [String: FeatureDatum?] = [:]
    var byteCount = 0
    for field in row.fields {
      try WriteCheck.check(fieldName: field.name)
      guard values[field.name] == nil else {
        throw WriteRefusal("field \(field.name) is there twice")
      }
      let value = try WriteCheck.check(
        FeatureDatum(field.value), field: field.name, in: view)
      byteCount += value?.messageByteCount ?? 0
      values[field.name] = .some(value)
    }
    try WriteCheck.check(byteCount: byteCount)
    return PersonRow(time: time, consentID: row.consentID, values: values)
  }
}
