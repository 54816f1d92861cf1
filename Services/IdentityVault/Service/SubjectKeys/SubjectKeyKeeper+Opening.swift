internal import Foundation
internal import KeyManagement
internal import Logging
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import Synchronization
internal import VaultAPI

extension SubjectKeyKeeper {
  /// The keeper of a store, with the file at `url`; a store that has no people yet gets a new one.
  ///
  /// - Throws: `CoverFileError` where the file is missing, damaged, another store's, or older than
  ///   the store.
  static func open(
    store: SealedStore, keys: ServiceKeys, url: URL, random: any RandomSource, log: Logger,
    interrupt: @escaping @Sendable (DestructionStep) throws -> Void
  ) async throws -> SubjectKeyKeeper {
    let file = CoverFile(at: url, store: store.storeID, keys: keys.wrapper, random: random)
    let (record, isBeforeTree) = try store.read { snapshot in
      (
        try snapshot.get(VaultTables.keyTree, VaultTables.keyTreeKey)?.message,
        try !snapshot.keys(VaultTables.ringSealedKeys, limit: 1).isEmpty
      )
    }
    let content: CoverFile.Content
    var isNew = false
    if let found = try await file.read() {
      content = found
    } else {
      guard record == nil else {
        throw CoverFileError.missing(path: url.path(percentEncoded: false))
      }
      content = CoverFile.Content(
        epoch: 1, slotLimit: slotsAtOnce, cover: KeyTreeCover(random: random))
      try await file.create(content, under: file.makeKey(epoch: content.epoch))
      isNew = true
    }
    if let record, record.epoch > content.epoch {
      throw CoverFileError.olderThanStore(
        path: url.path(percentEncoded: false), epoch: content.epoch, storeEpoch: record.epoch)
    }
    // Rows from before the tree do not say who was erased since.
    guard !isBeforeTree || content.cover.isWhole else {
      throw CoverFileError.storeBeforeTree(path: url.path(percentEncoded: false))
    }
    let isFollowed = record?.epoch == content.epoch && record?.history == store.historyID
    // In another history of the store more slots may have been given out than this one knows of.
    let next = isFollowed ? record?.nextSlot ?? 0 : isNew ? 0 : content.slotLimit
    return SubjectKeyKeeper(
      store: store, file: file, content: content,
      state: State(
        epoch: content.epoch, settledEpoch: record?.epoch ?? 0, isFollowed: isFollowed,
        slots: next..<max(next, content.slotLimit)),
      random: random, log: log, interrupt: interrupt)
  }

  /// The people whose keys are destroyed, though the store does not know: of an erasure that was
  /// cut
  /// off, or of a store that was restored from before it. A look at each destroyed slot.
  func lostPeople() throws -> [PseudonymousID] {
    guard state.withLock({ !$0.isFollowed }) else { return [] }
    let cover = tree.cover
    return try store.read { snapshot in
      let nextSlot = try snapshot.get(VaultTables.keyTree, VaultTables.keyTreeKey)?.message.nextSlot
      var people: [PseudonymousID] = []
      try cover.forEachGap(below: nextSlot ?? 0) { gap in
        let range = KeyRange<UInt32>.from(
          UInt32(gap.lowerBound), through: UInt32(gap.upperBound - 1))
        try snapshot.scan(VaultTables.slotOwners, range) { _, bytes in
          guard let person = PseudonymousID(bytes: bytes) else {
            throw StoreError.corrupted("a slot has no owner")
          }
          people.append(person)
          return .next
        }
      }
      return people
    }
  }

  /// Finishes destructions that were cut off, and lets the store say that it has followed the file.
  func follow() async throws {
    try await turns.withTurn {
      try await destroyGivenUp()
      if state.withLock({ !$0.isFollowed }) { try await settle([]) }
      let isShort = state.withLock { UInt64($0.slots.count) < Self.slotsAtOnce / 2 }
      guard isShort else { return }
      do {
        try await setSlotsAside(atLeast: Self.slotsAtOnce)
      } catch let error as CoverFileError {
        // Those that are left do for now.
        log.warning("no slots could be set aside", metadata: ["reason": "\(error)"])
      }
    }
  }
}
