internal import Cryptography
internal import Logging
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import Synchronization
internal import VaultAPI

/// Keeps the subject keys: gives each person a slot of the key tree, whose key seals the person's
/// subject key, and destroys slots for good.
///
/// **The order of a destruction**, which a crash may cut off anywhere:
///
/// 1. The key management service wraps the key of the next epoch. Nothing has changed yet.
/// 2. One transaction of the store: the person is forgotten, the slot stands among those given up.
/// 3. The file gets a new cover without these slots, under the new epoch's key.
/// 4. One transaction of the store: the slots given up are gone, the epoch is the file's.
/// 5. The answer.
///
/// After 2 the person is forgotten for every reader; at the next start 3 and 4 are done. What is
/// cut
/// off after 3 leaves a file that is newer than the store, as does a store that is restored from a
/// backup: whoever's slot the file does not give is forgotten then, before anybody is answered.
final class SubjectKeyKeeper: Sendable {
  /// A person's subject key that is made, and not yet in the store.
  struct Fresh: Sendable {
    let pid: PseudonymousID
    let record: SubjectKeyRecord
    /// What the person's identifiers are sealed with.
    let identifierKey: SealingKey
  }

  struct State {
    /// The epoch of the file.
    var epoch: UInt64
    /// The epoch that the store has followed.
    var settledEpoch: UInt64
    /// Whether this history of the store has followed that epoch.
    var isFollowed: Bool
    /// The slots that are free for this process.
    var slots: Range<UInt64>
    /// The next epoch's key, where it was made and not used.
    var nextKey: CoverFile.EpochKey?
    /// Whether the log was told of a large cover.
    var hasWarned = false
  }

  static let subjectKeyByteCount = 32
  /// So many slots are set aside at once in the file: that costs a new epoch.
  static let slotsAtOnce: UInt64 = 1 << 20
  /// The most destructions that share an epoch.
  static let destructionsAtOnce = 1_024
  /// A cover of so many bytes or more is worth a warning: each destruction writes all of it.
  static let coverByteCountWarning = 64 << 20

  let store: SealedStore
  let tree: KeyTree
  let file: CoverFile
  let random: any RandomSource
  let log: Logger
  let interrupt: @Sendable (DestructionStep) throws -> Void
  let state: Mutex<State>
  let turns = Turnstile()
  let waiting = Mutex<[any QueuedDestruction]>([])

  init(
    store: SealedStore, file: CoverFile, content: CoverFile.Content, state: State,
    random: any RandomSource, log: Logger,
    interrupt: @escaping @Sendable (DestructionStep) throws -> Void
  ) {
    self.store = store
    self.file = file
    self.random = random
    self.log = log
    self.interrupt = interrupt
    tree = KeyTree(content.cover, random: random)
    self.state = Mutex(state)
  }

  // MARK: - Making keys

  /// New subject keys, sealed under the keys of slots of their own. About 15 µs each; where the
  /// slots
  /// set aside are used up, a new epoch of the file.
  func make(for people: [PseudonymousID]) async throws -> [Fresh] {
    let first = try await takeSlots(people.count)
    let slots = people.indices.map { UInt32(first + UInt64($0)) }
    return try zip(zip(people, slots), tree.keys(of: slots)).map { place, key in
      let secret = SecretBytes(random: random, count: Self.subjectKeyByteCount)
      return try fresh(place.0, slot: place.1, under: key, secret)
    }
  }

  /// A subject key that there is already, in a slot.
  func fresh(
    _ pid: PseudonymousID, slot: UInt32, under key: SealingKey?, _ secret: borrowing SecretBytes
  ) throws -> Fresh {
    guard let key else { throw StoreError.corrupted("a slot that nobody had is destroyed") }
    let sealed = try key.seal(secret, associatedData: Self.place(pid, slot))
    return Fresh(
      pid: pid, record: SubjectKeyRecord(slot: slot, sealed: sealed),
      identifierKey: try identifierKey(from: secret))
  }

  /// The subject key of a person who gets another pid, in the same slot; `nil` where that is
  /// destroyed.
  func resealed(
    _ record: SubjectKeyRecord, of person: PseudonymousID, for pid: PseudonymousID
  ) throws -> Fresh? {
    guard let key = try tree.keys(of: [record.slot])[0] else { return nil }
    let secret = try key.openSecret(
      record.sealed, associatedData: Self.place(person, record.slot))
    return try fresh(pid, slot: record.slot, under: key, secret)
  }

  /// Puts a new subject key into the store.
  func put(_ fresh: Fresh, in transaction: inout WriteTransaction) throws {
    let slot = fresh.record.slot
    try transaction.put(VaultTables.subjectKeys, fresh.pid, StoredMessage(fresh.record))
    try transaction.put(VaultTables.slotOwners, slot, fresh.pid.bytes)
  }

  /// Remembers that slots up to these are taken: once in each transaction that puts keys.
  func noteSlots(of keys: [Fresh], in transaction: inout WriteTransaction) throws {
    guard let last = keys.map(\.record.slot).max() else { return }
    try Self.update(in: &transaction) { $0.nextSlot = max($0.nextSlot, UInt64(last) + 1) }
  }

  /// So many slots one after the other that nobody has.
  func takeSlots(_ count: Int) async throws -> UInt64 {
    let count = UInt64(count)
    while true {
      let first = state.withLock { state -> UInt64? in
        guard UInt64(state.slots.count) >= count else { return nil }
        defer { state.slots = state.slots.lowerBound + count..<state.slots.upperBound }
        return state.slots.lowerBound
      }
      if let first { return first }
      try await turns.withTurn { try await setSlotsAside(atLeast: count) }
    }
  }

  // MARK: - Opening keys

  /// Where a sealed subject key belongs.
  private static func place(_ pid: PseudonymousID, _ slot: UInt32) -> [UInt8] {
    var writer = FieldWriter()
    writer.append(slot)
    return Array("tacit subject key".utf8) + pid.bytes + writer.bytes
  }

  /// Lends the subject key of each of these people whose slot was not destroyed. About 10 µs a key.
  func withKeys(
    of people: [(pid: PseudonymousID, record: SubjectKeyRecord)],
    _ body: (Int, borrowing SecretBytes) throws -> Void
  ) throws {
    let keys = try tree.keys(of: people.map(\.record.slot))
    for (index, key) in keys.enumerated() {
      guard let key else { continue }
      let (pid, record) = people[index]
      try body(
        index, try key.openSecret(record.sealed, associatedData: Self.place(pid, record.slot)))
    }
  }

  /// The row of a person's subject key.
  func record(
    of person: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> SubjectKeyRecord {
    guard let record = try reader.get(VaultTables.subjectKeys, person)?.message else {
      throw StoreError.corrupted("a person has no subject key")
    }
    return record
  }

  /// The key of a person's identifiers; `nil` where the slot is destroyed.
  func identifierKey(
    of person: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> SealingKey? {
    var found: SealingKey?
    try withKeys(of: [(person, record(of: person, in: reader))]) { _, secret in
      found = try identifierKey(from: secret)
    }
    return found
  }

  private func identifierKey(from secret: borrowing SecretBytes) throws -> SealingKey {
    let key = try Self.derived(from: secret, info: Array("tacit identifiers".utf8))
    return try SealingKey(id: .subject, secret: key, random: random)
  }

  /// What hangs from a subject key. 2.5 µs.
  static func derived(
    from secret: borrowing SecretBytes, info: [UInt8]
  ) throws(CryptographyError) -> SecretBytes {
    try KeyDerivation.hkdfSHA256(
      secret: secret, salt: [], info: info, byteCount: subjectKeyByteCount)
  }

  // MARK: - Figures

  /// The epoch, the nodes of the cover and the slots that were taken.
  var figures: (epoch: UInt64, nodeCount: Int, coverByteCount: Int, slotCount: UInt64) {
    let (epoch, slotCount) = state.withLock { ($0.epoch, $0.slots.lowerBound) }
    let nodeCount = tree.cover.places.count
    return (epoch, nodeCount, nodeCount * CoverFile.nodeByteCount, slotCount)
  }
}
