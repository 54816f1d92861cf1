internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport

/// The tables that the tests write to.
enum Tables {
  static let notes = StoreTable<String, String>("notes", id: 1)
  static let events = StoreTable<KeyPair<PseudonymousID, UInt64>, [UInt8]>("events", id: 2)
  static let numbers = StoreTable<UInt64, [UInt8]>("numbers", id: 3)
  static let index = StoreTable<KeyPair<String, UInt32>, EmptyValue>("index", id: 4)

  static let all: [any StoreTableDescribing] = [notes, events, numbers, index]
}

/// A ring of one key made from `seed`; the same seed gives the same key.
func keyRing(seed: UInt8 = 1, id: UInt32 = 1, retired: [SealingKey] = []) throws -> SealingKeyRing {
  try SealingKeyRing(current: sealingKey(seed: seed, id: KeyID(rawValue: id)), retired: retired)
}

func sealingKey(seed: UInt8, id: KeyID) throws -> SealingKey {
  try SealingKey(id: id, secret: SecretBytes(copying: [UInt8](repeating: seed, count: 32)))
}

/// The key of one person.
func subjectKey(seed: UInt8) throws -> SealingKey { try sealingKey(seed: seed, id: .subject) }

/// Small limits and a short delay, so that tests see the tables change.
func testConfiguration(
  _ change: (inout StoreConfiguration) -> Void = { _ in }
) -> StoreConfiguration {
  var configuration = StoreConfiguration(serviceName: "test")
  configuration.mapByteCountMax = 256 << 20
  configuration.applyDelayMs = 5
  change(&configuration)
  return configuration
}

func openStore(
  _ directory: URL, keys: SealingKeyRing? = nil,
  tables: [any StoreTableDescribing] = Tables.all,
  _ configuration: StoreConfiguration = testConfiguration()
) throws -> SealedStore {
  try SealedStore.open(
    at: directory, keys: keys ?? keyRing(), tables: tables, configuration: configuration)
}

/// Runs `body` with a new store that is closed afterwards.
func withStore<Result>(
  _ configuration: StoreConfiguration = testConfiguration(),
  _ body: (SealedStore, URL) async throws -> Result
) async throws -> Result {
  try await withTemporaryDirectory { directory in
    let store = try openStore(directory, configuration)
    defer { store.close() }
    return try await body(store, directory)
  }
}

/// The pid whose bytes come from `seed`.
func pid(_ seed: UInt64) throws -> PseudonymousID {
  guard let pid = PseudonymousID(bytes: SeededRandom(seed: seed).bytes(count: 32)) else {
    throw StoreError.malformedKey
  }
  return pid
}

/// Waits until the tables hold every acknowledged change.
func waitUntilApplied(_ store: SealedStore) async throws {
  while true {
    let statistics = try store.statistics()
    if statistics.appliedSequence == statistics.lastSequence { return }
    try await Task.sleep(for: .milliseconds(1))
  }
}
