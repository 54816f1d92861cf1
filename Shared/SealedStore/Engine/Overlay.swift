/// What is acknowledged but perhaps not yet in the tables, and how far each thread has come.
///
/// Changes go into `active`. From time to time the writer freezes it and begins a new one; the
/// applier carries the frozen one into the tables in one transaction and then drops it.
struct Overlay {
  /// The tables with the keys that rows are sealed and opened with: replaced as a whole.
  var catalog: Catalog
  /// What the writer inserts into. Holds changes behind `active.baseSequence`, also some that are
  /// not yet acknowledged.
  var active: Memtable
  /// What the applier carries into the tables.
  var frozen: Memtable?
  /// The newest acknowledged change: readers see nothing behind it.
  var published: UInt64
  /// The newest change in the tables.
  var applied: UInt64
  /// What the acknowledged changes in `active` amount to.
  var activeRowCount = 0
  var activeByteCount = 0
  /// Backups that need the journal from these positions on.
  var journalPins: [UInt64] = []
  /// Why writes are refused, until writing is resumed.
  var writeFailure: StoreError?
  /// Why the last attempt to bring the tables up to date failed, until one succeeds.
  var applyFailure: StoreError?
  /// The writer has stopped: what is frozen is the last to be applied.
  var isDraining = false
  /// How many of the three threads still run.
  var threadCount = 0

  init(_ catalog: Catalog, at sequence: UInt64, expectedCount: Int) {
    self.catalog = catalog
    active = Memtable(after: sequence, expectedCount: expectedCount)
    published = sequence
    applied = sequence
  }

  /// What a reader needs, taken before its transaction of the tables begins.
  var layers: Layers {
    Layers(
      catalog: catalog, active: published > active.baseSequence ? active : nil, frozen: frozen,
      limit: published)
  }
}

/// The parts of the overlay that one reader sees.
///
/// The order of events makes a snapshot whole: the layers are taken first, the transaction of the
/// tables begins after. If the tables then hold more than `limit`, they hold every change of the
/// layers, because a layer is applied all at once: the layers are dropped and the snapshot is that
/// of the tables. Otherwise what the layers hold is in the tables or newer than what is there.
struct Layers {
  let catalog: Catalog
  let active: Memtable?
  let frozen: Memtable?
  /// The newest change to be seen.
  let limit: UInt64

  var isEmpty: Bool { active == nil && frozen == nil }
}
