internal import Cryptography
internal import FeaturesAPI
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages

/// What became of the events of one person.
struct AppendOutcome: Equatable, Sendable {
  var written = 0
  var duplicates = 0
  /// Not written because the person has too many events in the source already.
  var overLimit = 0
}

/// How a person's events are packed.
enum EventPacking {
  /// Events are added to a person's last chunk as long as it has fewer than this: a read then
  /// opens few chunks, and a write seals little again.
  static let openChunkEventCount = 128
  /// The most events that go into one chunk.
  static let chunkEventCountMax = 1_024
}

extension WriteTransaction {
  /// Adds events of one person and source. An id that the person has in this source already is a
  /// duplicate, whatever else the event says; so is the second of two in `events`.
  ///
  /// Costs the opening of all the person's chunks of the source: that is where the ids are, so
  /// that forgetting a person leaves no trace of them.
  mutating func append(
    _ events: [PersonEvent], of pid: PseudonymousID, source: String, under key: SealingKey,
    eventCountMax: Int
  ) throws -> AppendOutcome {
    var outcome = AppendOutcome()
    let chunks = try eventChunks(of: pid, source: source, under: key)
    var fresh: [String: PersonEvent] = [:]
    for event in events {
      if fresh[event.id] == nil { fresh[event.id] = event } else { outcome.duplicates += 1 }
    }
    for chunk in chunks {
      for id in chunk.series.ids where fresh.removeValue(forKey: id) != nil {
        outcome.duplicates += 1
      }
    }
    guard chunks.reduce(fresh.count, { $0 + $1.series.count }) <= eventCountMax else {
      outcome.overLimit = fresh.count
      return outcome
    }
    outcome.written = fresh.count
    guard !fresh.isEmpty else { return outcome }
    var pending = fresh.values.sorted { ($0.time, $0.id) < ($1.time, $1.id) }[...]
    var number = (chunks.map(\.key.third.second).max() ?? 0) &+ 1
    if let open = chunks.last(where: { $0.key.third.second == number &- 1 }),
      open.series.count < EventPacking.openChunkEventCount
    {
      let piece = pending.prefix(EventPacking.chunkEventCountMax - open.series.count)
      pending = pending.dropFirst(piece.count)
      var series = open.series
      series.merge(EventSeries(piece))
      try delete(FeatureTables.events, open.key)
      try put(series, number: number &- 1, of: pid, source: source, under: key)
    }
    while !pending.isEmpty {
      let piece = pending.prefix(EventPacking.chunkEventCountMax)
      pending = pending.dropFirst(piece.count)
      try put(EventSeries(piece), number: number, of: pid, source: source, under: key)
      number &+= 1
    }
    try notice(pid)
    return outcome
  }

  /// Writes a row. False where the same row is there already; another row of the same time takes
  /// its place.
  mutating func put(
    _ row: PersonRow, of pid: PseudonymousID, view: String, under key: SealingKey,
    writtenAt now: Timestamp
  ) throws -> Bool {
    let rowKey = RowKey(pid, view, row.time)
    if let known = try get(FeatureTables.rows, rowKey, under: key),
      known.message.row(at: row.time) == row
    {
      return false
    }
    try put(
      FeatureTables.rows, rowKey, StoredMessage(StoredRow(row, writtenAt: now)), under: key)
    try notice(pid)
    return true
  }

  /// Removes the parts of a person that `isKept` does not name. Tells how many rows and chunks
  /// went.
  mutating func purge(
    _ pid: PseudonymousID, keeping isKept: (PersonPart) -> Bool
  ) throws -> Int {
    var removed = 0
    var kept = 0
    for key in try keys(FeatureTables.events, .prefix(pid)) {
      if isKept(.events(source: key.second)) {
        kept += 1
      } else {
        try delete(FeatureTables.events, key)
        removed += 1
      }
    }
    for key in try keys(FeatureTables.rows, .prefix(pid)) {
      if isKept(.rows(view: key.second)) {
        kept += 1
      } else {
        try delete(FeatureTables.rows, key)
        removed += 1
      }
    }
    if kept == 0, try contains(FeatureTables.people, pid) {
      try delete(FeatureTables.people, pid)
    }
    return removed
  }

  private mutating func put(
    _ series: EventSeries, number: UInt32, of pid: PseudonymousID, source: String,
    under key: SealingKey
  ) throws {
    let first = Timestamp(microseconds: series.times.first ?? 0)
    try put(
      FeatureTables.events, EventChunkKey(pid, source, KeyPair(first, number)),
      StoredMessage(StoredEvents(series)), under: key)
  }

  private mutating func notice(_ pid: PseudonymousID) throws {
    guard try !contains(FeatureTables.people, pid) else { return }
    try put(FeatureTables.people, pid, EmptyValue())
  }
}
