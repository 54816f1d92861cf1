internal import Cryptography
internal import Foundation
internal import PrivacyCore

/// The inside of an open store: its files, what its three threads share, and the threads' life.
final class StoreCore: Sendable {
  let directory: URL
  let configuration: StoreConfiguration
  let identity: StoreIdentity
  let historyID: [UInt8]
  let tables: Environment
  let journal: Journal
  let meta: UInt32
  let overlay: Monitor<Overlay>
  let queue = Monitor(WriteQueue())
  let commits = Monitor(CommitSlot())
  let counters = Monitor(Counters())
  /// The job that seals rows anew, where one runs or has run.
  let resealing = Monitor(ResealState())
  private let lock: Monitor<StoreLock?>
  /// The threads that `startThreads` started.
  private let ownThreads = Monitor<[pthread_t]>([])

  private enum ThreadName {
    static let writer = "store-writer"
    static let committer = "store-committer"
    static let applier = "store-applier"
  }

  /// What the committer and the applier count.
  struct Counters {
    var transactionCount = 0
    var commitCount = 0
    var commitMicroseconds: Int64 = 0
    var commitMicrosecondsMax: Int64 = 0
    var applyCount = 0
    var appliedRowCount = 0
  }

  init(
    at directory: URL, keys: SealingKeyRing, tables: [any StoreTableDescribing],
    configuration: StoreConfiguration, random: some RandomSource
  ) throws(StoreError) {
    precondition(
      keys.key(.subject) == nil, "a store's own key must not have the id of subject keys")
    try makeDirectory(directory)
    let lock = try StoreLock(directory)
    let files = try StoreFiles(
      at: directory, keys: keys, tables: tables, configuration: configuration, random: random)
    self.directory = directory
    self.configuration = configuration
    self.lock = Monitor(lock)
    self.tables = files.tables
    journal = files.journal
    identity = files.identity
    historyID = try StoreFiles.restoredHistory(in: directory) ?? files.identity.storeID
    meta = files.meta
    overlay = try Self.recover(files, configuration)
    startThreads()
  }

  /// Reads the part of the journal that the tables lack into memory, where the applier finds it.
  private static func recover(
    _ files: StoreFiles, _ configuration: StoreConfiguration
  ) throws(StoreError) -> Monitor<Overlay> {
    let tablesReader = try files.tables.acquireReader()
    defer { files.tables.release(tablesReader) }
    let applied = try tablesReader.applied(files.meta)
    let reader = try files.journal.environment.acquireReader()
    defer { files.journal.environment.release(reader) }
    let last = try files.journal.bounds(reader)?.upperBound ?? 0
    guard last >= applied else {
      throw .corrupted("the journal ends at \(last), but the tables hold changes up to \(applied)")
    }
    var overlay = Overlay(
      files.catalog, at: last, expectedCount: configuration.unappliedRowCountMax / 2)
    overlay.applied = applied
    if last > applied {
      let tail = Memtable(after: applied, expectedCount: Int(clamping: last - applied))
      try files.journal.insert(after: applied, into: tail, files.catalog, reader)
      overlay.frozen = tail
    }
    return Monitor(overlay)
  }

  private func startThreads() {
    overlay.withLock { $0.threadCount = 3 }
    start(ThreadName.writer) { core in Writer(core).run() }
    start(ThreadName.committer) { core in Committer(core).run() }
    start(ThreadName.applier) { core in Applier(core).run() }
  }

  private func start(_ name: String, _ body: @escaping @Sendable (StoreCore) -> Void) {
    let thread = Thread {
      self.ownThreads.withLock { $0.append(pthread_self()) }
      body(self)
      self.overlay.update { $0.threadCount -= 1 }
    }
    thread.name = name
    thread.start()
  }

  /// The tables with the keys that count now.
  var catalog: Catalog { overlay.withLock { $0.catalog } }

  /// A view of the tables' transaction `reader` under `layers`, which were taken before it began.
  func view(_ layers: Layers, _ reader: ReaderHandle) throws(StoreError) -> View {
    let applied = try reader.applied(meta)
    guard !layers.isEmpty, applied < layers.limit else {
      return View(
        catalog: layers.catalog, transaction: reader, own: nil, active: nil, frozen: nil,
        limit: max(applied, layers.limit))
    }
    return View(
      catalog: layers.catalog, transaction: reader, own: nil, active: layers.active,
      frozen: layers.frozen, limit: layers.limit)
  }

  /// Writes what waits, brings the tables up to date and closes the files.
  func close() {
    // The last reference to a store may go in the body of a transaction, or with it when it has
    // been answered: those threads cannot wait for themselves.
    if ownThreads.withLock({ $0.contains(pthread_self()) }) {
      Thread { self.close() }.start()
      return
    }
    endResealing()
    queue.update { $0.isClosed = true }
    overlay.wait { $0.threadCount == 0 ? () : nil }
    tables.close()
    journal.environment.close()
    lock.withLock { $0 = nil }
  }
}
