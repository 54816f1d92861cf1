internal import Cryptography
internal import Foundation
internal import Glibc
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Crashes")
struct CrashTests {
  private static let table = StoreTable<UInt64, UInt64>("crash", id: 1)

  @Test("after kill -9 at any moment every acknowledged write is there")
  func killed() async throws {
    try await withTemporaryDirectory { directory in
      let random = SeededRandom(seed: 11)
      var acknowledged: [UInt64: LogSequenceNumber] = [:]
      for round in UInt64(0)..<8 {
        let lines = try await runAndKill(
          directory, first: round * 1_000_000, afterMs: Int(random.word() % 60))
        for (number, sequence) in lines { acknowledged[number] = sequence }
        try check(directory, acknowledged)
      }
      #expect(!acknowledged.isEmpty)
    }
  }

  @Test("after kill -9 in the middle of a sealing under a new key it goes on, and nothing is lost")
  func killedWhileResealing() async throws {
    try await withTemporaryDirectory { directory in
      let random = SeededRandom(seed: 12)
      let keys = try keyRing(seed: 2, id: 2, retired: [sealingKey(seed: 1, id: KeyID(rawValue: 1))])
      var acknowledged: [UInt64: LogSequenceNumber] = [:]
      func run(_ round: UInt64, valuesPerSecondMax: Int) async throws {
        let lines = try await runAndKill(
          directory, first: round * 1_000_000, afterMs: Int(random.word() % 60),
          ["reseal", String(valuesPerSecondMax)])
        for (number, sequence) in lines { acknowledged[number] = sequence }
      }
      for (number, sequence) in try await runAndKill(
        directory, first: 0, afterMs: 0, lineCountMin: 5_000)
      {
        acknowledged[number] = sequence
      }
      // So slow that the walk through 5,000 rows cannot end before a kill.
      for round in UInt64(1)..<4 { try await run(round, valuesPerSecondMax: 200) }
      try check(directory, acknowledged, keys: keys) { store in
        let isResumed = try store.resumeInterruptedResealing(ResealPace(valuesPerSecondMax: 200))
        #expect(isResumed)
      }
      // So fast that kills meet the walk through the journal, and a walk that is over, too.
      for round in UInt64(4)..<9 { try await run(round, valuesPerSecondMax: 30_000) }
      try check(directory, acknowledged, keys: keys) { store in
        let wasInterrupted = try store.resealProgress().state == .interrupted
        let isResumed = try store.resumeInterruptedResealing(
          ResealPace(valuesPerSecondMax: 10_000_000))
        #expect(isResumed == wasInterrupted)
        while try store.resealProgress().state == .running { usleep(1_000) }
        #expect(try store.resealProgress().state == .done)
        _ = try store.proveUnused(KeyID(rawValue: 1))
      }
      try check(directory, acknowledged, keys: keyRing(seed: 2, id: 2))
    }
  }

  private func check(
    _ directory: URL, _ acknowledged: [UInt64: LogSequenceNumber], keys: SealingKeyRing? = nil,
    _ more: (SealedStore) throws -> Void = { _ in }
  ) throws {
    var configuration = StoreConfiguration(serviceName: "crash")
    configuration.mapByteCountMax = 1 << 30
    let store = try SealedStore.open(
      at: directory, keys: keys ?? keyRing(), tables: [Self.table], configuration: configuration)
    defer { store.close() }
    try more(store)
    let rows = try store.read { try $0.rows(Self.table) }
    let found = Dictionary(uniqueKeysWithValues: rows.map { ($0.key, $0.value) })
    let missing = acknowledged.keys.filter { found[$0] != $0 &* 3 }
    #expect(missing.isEmpty)
    // Each transaction wrote one row: no position is missing and none was given twice.
    #expect(UInt64(found.count) == store.lastSequence.value)
    #expect(Set(acknowledged.values).count == acknowledged.count)
    #expect(acknowledged.values.max() ?? .zero <= store.lastSequence)
    #expect(try store.verify().isWhole)
  }

  /// Lets the writer run until some time after so many acknowledgements, kills it and reads what it
  /// had said.
  private func runAndKill(
    _ directory: URL, first: UInt64, afterMs: Int, lineCountMin: Int = 1, _ mode: [String] = []
  ) async throws -> [(UInt64, LogSequenceNumber)] {
    let process = Process()
    let output = Pipe()
    process.executableURL = try executable("StoreCrashWriter")
    process.arguments = [directory.path, String(first)] + mode
    process.standardOutput = output
    try process.run()
    let identifier = process.processIdentifier
    var data = Data()
    var lineCount = 0
    while lineCount < lineCountMin {
      let piece = output.fileHandleForReading.availableData
      guard !piece.isEmpty else { break }
      data.append(piece)
      lineCount += piece.count { $0 == UInt8(ascii: "\n") }
    }
    Thread.detachNewThread {
      usleep(UInt32(afterMs) * 1_000)
      kill(identifier, SIGKILL)
    }
    data.append(try output.fileHandleForReading.readToEnd() ?? Data())
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal)
    // A line that the kill cut off says nothing.
    let lines = String(decoding: data, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    return try lines.dropLast().map { line in
      let numbers = line.split(separator: " ").compactMap { UInt64($0) }
      try #require(numbers.count == 2)
      return (numbers[0], LogSequenceNumber(numbers[1]))
    }
  }

  /// An executable that is built beside the tests.
  private func executable(_ name: String) throws -> URL {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    // The tests run in their own executable, or in a helper that is told where theirs is.
    let beside = [tests] + CommandLine.arguments
    let candidates = beside.map {
      URL(filePath: $0).deletingLastPathComponent().appending(path: name)
    }
    return try #require(candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) })
  }
}
