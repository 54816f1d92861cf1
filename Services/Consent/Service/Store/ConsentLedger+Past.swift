package import ConsentAPI
package import PrivacyCore
internal import SealedStore
internal import StoredMessages

/// How a person stood by the receipts that were recorded up to a time.
package struct PastStanding: Sendable {
  /// What counted.
  package var state = PersonState()
  /// The newest of those receipts; `nil` where there was none.
  package var newest: Receipt?
  /// The person's next receipt; `nil` where there is none.
  package var successor: Receipt?
}

extension ConsentLedger {
  /// Every so many receipts of a person the state is kept, so that an earlier one is a few receipts
  /// away.
  static let stateKeptEvery: UInt64 = 32

  /// How a person stood at `time`. Costs about one look-up for each doubling of the log, of a short
  /// history one for each doubling of that, and at most 31 receipts.
  static func standing(
    of pid: PseudonymousID, at time: Timestamp, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PastStanding {
    guard let state = try Self.state(of: pid, in: reader) else { return PastStanding() }
    let last = try Self.receipt(at: state.lastSequence, in: reader)
    if last.recordedAtUs <= time.microseconds { return PastStanding(state: state, newest: last) }
    // Recorded by then; recorded later. None of the person's receipts lies in between, from `high` on.
    var newest: Receipt?
    var successor = last
    if state.receiptCount <= Self.stateKeptEvery {
      let positions = try reader.keys(ConsentTables.history, .prefix(pid)).map(\.second)
      var range = 0..<max(0, positions.count - 1)
      while !range.isEmpty {
        let middle = range.lowerBound + range.count / 2
        let receipt = try Self.receipt(at: positions[middle], in: reader)
        if receipt.recordedAtUs <= time.microseconds {
          newest = receipt
          range = (middle + 1)..<range.upperBound
        } else {
          successor = receipt
          range = range.lowerBound..<middle
        }
      }
      return try past(newest, before: successor, of: pid, in: reader)
    }
    var high = last.sequence
    while (newest?.sequence ?? 0) + 1 < high {
      let low = newest?.sequence ?? 0
      let middle = low + (high - low) / 2
      let found = try reader.keys(
        ConsentTables.history, .from(KeyPair(pid, middle), below: KeyPair(pid, high)), limit: 1)
      guard let position = found.first?.second else {
        high = middle
        continue
      }
      let receipt = try Self.receipt(at: position, in: reader)
      if receipt.recordedAtUs <= time.microseconds {
        newest = receipt
      } else {
        successor = receipt
        high = middle
      }
    }
    return try past(newest, before: successor, of: pid, in: reader)
  }

  private static func past(
    _ newest: Receipt?, before successor: Receipt, of pid: PseudonymousID,
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PastStanding {
    var past = PastStanding(newest: newest, successor: successor)
    if let newest { past.state = try Self.state(of: pid, after: newest, in: reader) }
    return past
  }

  /// What counted for a person right after one of the receipts.
  static func state(
    of pid: PseudonymousID, after newest: Receipt,
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PersonState {
    let kept = try reader.first(
      ConsentTables.earlierStates,
      .from(KeyPair(pid, UInt64(0)), through: KeyPair(pid, newest.personSequence)), reverse: true)
    var state = kept?.value.message ?? PersonState()
    let between: KeyRange<KeyPair<PseudonymousID, UInt64>> = .from(
      KeyPair(pid, state.lastSequence + 1), through: KeyPair(pid, newest.sequence))
    for key in try reader.keys(ConsentTables.history, between) {
      let receipt = try Self.receipt(at: key.second, in: reader)
      state.record(receipt, hash: try hash(of: receipt))
    }
    guard state.receiptCount == newest.personSequence else {
      throw StoreError.corrupted("a person's receipts do not have the numbers they should have")
    }
    return state
  }

  /// Waits until everything that was, or will be, recorded up to `time` is durable; answers up to
  /// which time that holds, which is `time` where it is given, and else now. Costs a commit for the
  /// time since the last one.
  package func settle(through time: Timestamp?) async throws -> Timestamp {
    if let time, time <= clock.durableThrough { return time }
    let through = try await store.write { [clock] transaction in
      let through = clock.stamp().recordedAt
      // The next run must not record anything earlier, whatever its clock says.
      try transaction.put(
        ConsentTables.settings, Self.recordedThroughSetting,
        UInt64(clamping: through.microseconds))
      return through
    }.value
    clock.isDurable(through)
    return time ?? through
  }

  static let recordedThroughSetting = "recorded_through_us"

  /// The newest time that the store's receipts have, or that was spoken of.
  static func newestTime(in store: SealedStore) throws -> Timestamp {
    try store.read { snapshot in
      let through = try snapshot.get(ConsentTables.settings, recordedThroughSetting) ?? 0
      let last = try snapshot.first(ConsentTables.receipts, reverse: true)?.value.message
      return Timestamp(microseconds: max(Int64(clamping: through), last?.recordedAtUs ?? 0))
    }
  }
}
