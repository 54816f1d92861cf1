internal import ConsentAPI
internal import PrivacyCore
internal import SealedStore

/// What the receipts of a chunk are judged by, read before the first of them is written: a look-up
/// behind a change makes the store index the changes first, which would be done for each row.
struct KnownRows {
  /// The positions of the receipts that have one of the chunk's ids.
  private(set) var positions: [ConsentID: UInt64] = [:]
  /// What counts for the chunk's people.
  private(set) var states: [PseudonymousID: PersonState] = [:]

  /// The chunk's pids that are nobody's any more.
  private var retired: Set<PseudonymousID> = []
  /// Whom the chunk's former pids mean.
  private var current: [PseudonymousID: PseudonymousID] = [:]

  /// Reads what there is of the ids and people of `lines`.
  init(
    of lines: [ImportLine], _ names: FormerNames, in reader: borrowing some StoreReading & ~Copyable
  ) throws {
    states.reserveCapacity(lines.count)
    positions.reserveCapacity(lines.count)
    for line in lines {
      guard case .success(let draft) = line.draft else { continue }
      if let id = draft.consentID {
        positions[id] = try reader.get(ConsentTables.positions, id)
      }
      let pid = try names.current(draft.pid, in: reader)
      if pid != draft.pid { current[draft.pid] = pid }
      if try names.isRetired(pid, in: reader) { retired.insert(pid) }
      states[pid] = try ConsentLedger.state(of: pid, in: reader)
    }
  }

  /// The pid under which the person is kept whom `pid` means.
  func current(_ pid: PseudonymousID) -> PseudonymousID { current[pid] ?? pid }

  /// Whether a pid is nobody's any more.
  func isRetired(_ pid: PseudonymousID) -> Bool { retired.contains(pid) }

  /// Notes what was written of a receipt and its person.
  mutating func note(
    _ id: ConsentID, at position: UInt64, _ state: PersonState, of pid: PseudonymousID
  ) {
    positions[id] = position
    states[pid] = state
  }
}
