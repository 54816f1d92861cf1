internal import FeaturesAPI
internal import PrivacyCore
internal import SealedStore

// Events and rows as they are stored.

extension StoredEvents {
  /// The events of a series.
  init(_ series: EventSeries) {
    var last: Int64 = 0
    let steps = series.times.map { time in
      defer { last = time }
      return time - last
    }
    self.init(
      timeStepsUs: steps, eventIDs: series.ids,
      consentIDs: StoredColumn(series.consentIDs, name: ""),
      columns: series.columns.sorted { $0.key < $1.key }
        .map { StoredColumn($0.value, name: $0.key) })
  }

  /// The series again.
  func series() throws(StoreError) -> EventSeries {
    var time: Int64 = 0
    let times = timeStepsUs.map { step in
      time &+= step
      return time
    }
    var columns: [String: EventColumn] = [:]
    for column in self.columns { columns[column.name] = try column.column() }
    guard let consentIDs = try consentIDs?.column(),
      let series = EventSeries(
        times: times, ids: eventIDs, consentIDs: consentIDs, columns: columns)
    else { throw .corrupted("a chunk of events has columns of different lengths") }
    return series
  }
}

extension StoredColumn {
  fileprivate init(_ column: EventColumn, name: String) {
    self.init(
      name: name, values: column.values.map(\.message), codes: column.codes.map { UInt32($0 + 1) })
  }

  fileprivate func column() throws(StoreError) -> EventColumn {
    let data = values.compactMap { FeatureDatum($0) }
    let codes = self.codes.map { Int32(clamping: Int64($0) - 1) }
    guard data.count == values.count, let column = EventColumn(values: data, codes: codes) else {
      throw .corrupted("a column of events names values that it does not have")
    }
    return column
  }
}

extension StoredRow {
  /// A row, written at `now`.
  init(_ row: PersonRow, writtenAt now: Timestamp) {
    self.init(
      consentID: row.consentID, writtenAtUs: now.microseconds,
      fields: row.values.sorted { $0.key < $1.key }
        .map { Field(name: $0.key, value: $0.value?.message) })
  }

  /// The row again.
  func row(at time: Timestamp) -> PersonRow {
    PersonRow(
      time: time, consentID: consentID,
      values: Dictionary(
        fields.map { ($0.name, FeatureDatum($0.value)) }, uniquingKeysWith: { _, last in last }))
  }
}
