internal import Dispatch
internal import Foundation
internal import SealedStore
internal import Synchronization
internal import Testing

@Suite("A store in memory")
struct MemoryTests {
  /// Runs commits when it is told to, or on another thread.
  private final class Schedule: Sendable {
    private let waiting = Mutex<[@Sendable () -> Void]>([])

    func add(_ work: @escaping @Sendable () -> Void) { waiting.withLock { $0.append(work) } }

    var count: Int { waiting.withLock { $0.count } }
  }

  private func open(
    _ disk: MemoryDisk, _ schedule: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
  ) throws -> SealedStore {
    try SealedStore.inMemory(
      on: disk, keys: keyRing(), tables: Tables.all, configuration: testConfiguration(),
      schedule: schedule)
  }

  /// How a write ended that waited when the store did.
  private func outcome(ending: (SealedStore) -> Void) async throws -> (error: StoreError?, Int) {
    let disk = MemoryDisk()
    let schedule = Schedule()
    let store = try open(disk, schedule.add)
    let writing = Task { () -> StoreError? in
      do {
        _ = try await store.write { try $0.put(Tables.notes, "a", "waited") }
        return nil
      } catch let error as StoreError {
        return error
      }
    }
    while schedule.count == 0 { try await Task.sleep(for: .milliseconds(1)) }
    ending(store)
    return (try await writing.value, disk.entryCount)
  }

  @Test("closing makes durable what waits, and says so")
  func closing() async throws {
    let (error, entryCount) = try await outcome { $0.close() }
    #expect(error == nil)
    #expect(entryCount == 1)
  }

  @Test("death tells nobody, whether what waited is durable or not", arguments: [true, false])
  func death(committing: Bool) async throws {
    let (error, entryCount) = try await outcome { $0.die(committing: committing) }
    #expect(error == .closed)
    #expect(entryCount == (committing ? 1 : 0))
  }

  @Test("commits on many threads and a death among them keep every acknowledged write")
  func threads() async throws {
    for round in 0..<20 {
      let disk = MemoryDisk()
      let store = try open(disk) { DispatchQueue.global().async(execute: $0) }
      let acknowledged = try await withThrowingTaskGroup(of: [UInt64].self) { group in
        for writer in UInt64(0)..<8 {
          group.addTask {
            var numbers: [UInt64] = []
            for number in 0..<100 as Range<UInt64> {
              let key = writer * 1_000 + number
              do {
                _ = try await store.write { try $0.put(Tables.numbers, key, [1]) }
              } catch StoreError.closed {
                break
              }
              numbers.append(key)
            }
            return numbers
          }
        }
        if round % 2 == 0 {
          try await Task.sleep(for: .milliseconds(1))
          store.die(committing: true)
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      store.close()
      let next = try open(disk) { DispatchQueue.global().async(execute: $0) }
      defer { next.close() }
      let missing = try next.read { snapshot in
        try acknowledged.filter { try snapshot.get(Tables.numbers, $0) == nil }
      }
      #expect(missing.isEmpty, "round \(round)")
      if round % 2 == 1 { #expect(acknowledged.count == 800) }
    }
  }
}
