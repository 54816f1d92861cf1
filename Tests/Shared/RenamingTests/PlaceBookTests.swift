internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import Renaming
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Where the rows of renamed people stand")
struct PlaceBookTests {
  private static let rows = StoreTable<KeyPair<PseudonymousID, UInt32>, EmptyValue>("rows", id: 1)

  private func pid(_ number: UInt8) -> PseudonymousID {
    PseudonymousID(words: (UInt64(number), 0, 0, UInt64(number)))
  }

  private func open(_ directory: URL) throws -> SealedStore {
    try SealedStore.open(
      at: directory,
      keys: SealingKeyRing(
        current: SealingKey(
          id: KeyID(rawValue: 1), secret: SecretBytes(copying: [UInt8](repeating: 1, count: 32)))),
      tables: [Self.rows] + RenamingTables.all,
      configuration: StoreConfiguration(serviceName: "test"))
  }

  private func withBook(_ body: (PlaceBook, SealedStore) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let store = try open(directory)
      defer { store.close() }
      try await body(try PlaceBook(store: store), store)
    }
  }

  @discardableResult
  private func note(
    _ former: PseudonymousID, _ pid: PseudonymousID, rotation: UInt32 = 1, _ book: PlaceBook,
    _ store: SealedStore
  ) async throws -> Bool {
    try await store.write { transaction in
      try book.note(former, is: pid, rotation: rotation, in: &transaction) { name, transaction in
        try !transaction.keys(Self.rows, .prefix(name), limit: 1).isEmpty
      }
    }.value
  }

  private func put(
    _ pid: PseudonymousID, count: UInt32 = 1, _ store: SealedStore
  ) async throws {
    try await store.write { transaction in
      for number in 0..<count {
        try transaction.put(Self.rows, KeyPair(pid, number), EmptyValue())
      }
    }
  }

  @Test("as long as nobody is renamed everybody stands under their own pid")
  func unused() async throws {
    try await withBook { book, store in
      #expect(!book.isInUse)
      let person = try store.read { try book.person(pid(1), in: $0) }
      #expect(person == PersonPlace(place: pid(1), names: [pid(1)]))
    }
  }

  @Test("rows stay where they are; where there are none the new name is the place")
  func noting() async throws {
    try await withTemporaryDirectory { directory in
      let first = try open(directory)
      let book = try PlaceBook(store: first)
      try await put(pid(1), first)
      #expect(try await note(pid(1), pid(11), book, first))
      #expect(try await note(pid(2), pid(12), book, first))
      #expect(try await !note(pid(1), pid(11), book, first))
      #expect(try await !note(pid(2), pid(12), book, first))
      first.close()
      let second = try open(directory)
      defer { second.close() }
      let again = try PlaceBook(store: second)
      #expect(again.isInUse)
      try second.read { snapshot in
        for name in [pid(1), pid(11)] {
          #expect(
            try again.person(name, in: snapshot)
              == PersonPlace(place: pid(1), names: [pid(1), pid(11)]))
        }
        for name in [pid(2), pid(12)] {
          #expect(try again.place(of: name, in: snapshot) == pid(12))
        }
        let progress = try again.progress(of: 1, in: snapshot)
        #expect(progress.renamings == 2 && progress.peopleLeft == 1)
        #expect(try again.progress(of: 2, in: snapshot) == RekeyProgress())
      }
    }
  }

  @Test("who is renamed between the look and the transaction is looked at again, not for ever")
  func settling() async throws {
    try await withBook { book, store in
      var rounds = 0
      let names = try await book.settled([pid(1)]) { people in
        rounds += 1
        if rounds == 1 {
          try await note(pid(1), pid(11), book, store)
          throw PlaceChanged()
        }
        return people[pid(1)]?.names
      }
      #expect(rounds == 2 && names == [pid(1), pid(11)])
      await #expect(throws: PlaceUnsettled.self) {
        try await book.settled([pid(1)]) { _ in throw PlaceChanged() }
      }
    }
  }

  @Test(
    "a walk gives each person once with all rows, and goes on behind the last", arguments: 1...4)
  func walk(limit: Int) async throws {
    try await withBook { _, store in
      for number in [1, 2, 3, 255] as [UInt8] { try await put(pid(number), count: 3, store) }
      let last = PseudonymousID(words: (.max, .max, .max, .max))
      try await put(last, store)
      var found: [(pid: PseudonymousID, rowCount: Int)] = []
      while true {
        let page = try store.read {
          try $0.people(of: Self.rows, after: found.last?.pid, limit: limit) { $0.first }
        }
        #expect(page.count <= limit)
        guard !page.isEmpty else { break }
        found += page
      }
      #expect(found.map(\.pid) == [pid(1), pid(2), pid(3), pid(255), last])
      #expect(found.map(\.rowCount) == [3, 3, 3, 3, 1])
    }
  }

  @Test("walks of several tables are one, as far as all of them reach")
  func mergedWalks() {
    let one = [(pid: pid(1), rowCount: 1), (pid: pid(3), rowCount: 2)]
    let other = [(pid: pid(3), rowCount: 5), (pid: pid(9), rowCount: 1)]
    // Both may go on: nothing is known of the first behind 3.
    let cut = PersonWalks.merged([one, other], limit: 2)
    #expect(cut.map(\.pid) == [pid(1), pid(3)])
    #expect(cut.map(\.rowCount) == [1, 7])
    let whole = PersonWalks.merged([one, other], limit: 3)
    #expect(whole.map(\.pid) == [pid(1), pid(3), pid(9)])
    #expect(PersonWalks.merged([[], []], limit: 3).isEmpty)
  }
}
