internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("A full disk", .serialized)
struct FullDiskTests {
  @Test(
    "a full disk refuses writes, keeps reads, loses nothing acknowledged, and writing goes on later",
    .enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted here"))
  func fullDisk() async throws {
    try await withTemporaryDirectory { directory in
      try SmallDisk.mount(at: directory, mebibytes: 3)
      defer { SmallDisk.unmount(directory) }
      let place = directory.appending(path: "store")
      let store = try openStore(place)
      let (acknowledged, failure) = try await fill(store)
      #expect(!acknowledged.isEmpty)
      guard case .diskFull = failure else {
        Issue.record("\(String(describing: failure)) is not about the disk")
        return
      }
      try check(store, acknowledged)
      await expectDiskFull { try await store.write { try $0.put(Tables.numbers, .max, []) } }
      #expect(try store.statistics().writeFailure != nil)
      try check(store, acknowledged)

      try SmallDisk.remount(directory, mebibytes: 64)
      try await store.resumeWriting()
      #expect(try store.statistics().writeFailure == nil)
      let more = try await store.write { try $0.put(Tables.numbers, .max, [1]) }
      #expect(more.sequence == store.lastSequence)
      store.close()

      let again = try openStore(place)
      defer { again.close() }
      try check(again, acknowledged + [.max])
      #expect(try again.verify().isWhole)
    }
  }

  @Test(
    "under many callers a full disk leaves exactly what was acknowledged",
    .enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted here"))
  func fullDiskUnderLoad() async throws {
    try await withTemporaryDirectory { directory in
      try SmallDisk.mount(at: directory, mebibytes: 3)
      defer { SmallDisk.unmount(directory) }
      let place = directory.appending(path: "store")
      let store = try openStore(place)
      let acknowledged = try await withThrowingTaskGroup(of: [UInt64].self) { group in
        for caller in UInt64(0)..<64 {
          group.addTask { await fill(store, from: caller, by: 64) }
        }
        return try await group.reduce(into: []) { $0 += $1 }.sorted()
      }
      #expect(!acknowledged.isEmpty)
      guard case .diskFull = try store.statistics().writeFailure else {
        Issue.record("\(String(describing: try store.statistics().writeFailure)) is not the disk")
        return
      }
      // What ran on top of the commit that failed is gone with it.
      try check(store, acknowledged)
      #expect(store.lastSequence.value == UInt64(acknowledged.count))

      try SmallDisk.remount(directory, mebibytes: 64)
      try await store.resumeWriting()
      let more = try await store.write { try $0.put(Tables.numbers, .max, [1]) }
      #expect(more.sequence.value == UInt64(acknowledged.count) + 1)
      store.close()
      let again = try openStore(place)
      defer { again.close() }
      try check(again, acknowledged + [.max])
      #expect(try again.verify().isWhole)
    }
  }

  /// Writes every so many numbers until one fails; gives what was acknowledged.
  private func fill(_ store: SealedStore, from first: UInt64, by step: UInt64) async -> [UInt64] {
    var acknowledged: [UInt64] = []
    let random = SeededRandom(seed: first)
    for number in stride(from: first, to: 1_000_000, by: UInt64.Stride(step)) {
      let value = random.bytes(count: 2_000)
      guard (try? await store.write { try $0.put(Tables.numbers, number, value) }) != nil else {
        break
      }
      acknowledged.append(number)
    }
    return acknowledged
  }

  /// Writes until it fails; gives what was acknowledged and why it ended.
  private func fill(_ store: SealedStore) async throws -> ([UInt64], StoreError?) {
    var acknowledged: [UInt64] = []
    let random = SeededRandom(seed: 1)
    for number in UInt64(0)..<10_000 {
      let value = random.bytes(count: 2_000)
      do {
        try await store.write { try $0.put(Tables.numbers, number, value) }
        acknowledged.append(number)
      } catch {
        return (acknowledged, error as? StoreError)
      }
    }
    return (acknowledged, nil)
  }

  private func check(_ store: SealedStore, _ acknowledged: [UInt64]) throws {
    let keys = try store.read { try $0.rows(Tables.numbers).map(\.key) }
    #expect(keys == acknowledged)
  }

  private func expectDiskFull(_ body: () async throws -> Void) async {
    let error = await #expect(throws: StoreError.self) { try await body() }
    if case .diskFull = error { return }
    Issue.record("\(String(describing: error)) is not about the disk")
  }
}

/// A file system of a few MiB in memory.
enum SmallDisk {
  static let isPermitted: Bool = {
    let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try? FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    guard (try? mount(at: directory, mebibytes: 1)) != nil else { return false }
    unmount(directory)
    return true
  }()

  static func mount(at directory: URL, mebibytes: Int) throws {
    try run("mount", "-t", "tmpfs", "-o", "size=\(mebibytes)m", "tmpfs", directory.path)
  }

  static func remount(_ directory: URL, mebibytes: Int) throws {
    try run("mount", "-o", "remount,size=\(mebibytes)m", directory.path)
  }

  static func unmount(_ directory: URL) { try? run("umount", "-l", directory.path) }

  private struct Failed: Error {}

  private static func run(_ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed() }
  }
}
