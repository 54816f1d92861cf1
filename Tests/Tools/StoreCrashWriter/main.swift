internal import Cryptography
internal import Foundation
internal import Glibc
internal import PrivacyCore
internal import SealedStore

// Writes to a store until it is killed, and says on standard output which writes were
// acknowledged: one line `number position` each, written after the acknowledgement.
//
//     StoreCrashWriter DIRECTORY FIRST_NUMBER
//     StoreCrashWriter DIRECTORY FIRST_NUMBER reseal VALUES_PER_SECOND
//     StoreCrashWriter DIRECTORY check
//
// With `reseal` the store is sealed under a second key meanwhile. The tests and `make bench-store`
// kill it at some moment and look whether every line is still true: with `check` it reads such lines
// from standard input and prints how many are not. Its exit code is 1 when the store itself is not
// whole.

let arguments = CommandLine.arguments
let isCheck = arguments.last == "check"
let isReseal = arguments.count == 5 && arguments[3] == "reseal"
let resealPace = isReseal ? Int(arguments[4]) : nil
guard
  arguments.count == (isReseal ? 5 : 3), let first = isCheck ? 0 : UInt64(arguments[2]),
  isReseal == (resealPace != nil)
else {
  print("usage: StoreCrashWriter DIRECTORY FIRST_NUMBER [reseal VALUES_PER_SECOND]|check")
  exit(2)
}

let table = StoreTable<UInt64, UInt64>("crash", id: 1)
let secret = SecretBytes(copying: [UInt8](repeating: 1, count: 32))
var configuration = StoreConfiguration(serviceName: "crash")
configuration.mapByteCountMax = 1 << 30
configuration.applyDelayMs = 3
configuration.journalRetentionCount = 500
let oldKey = try SealingKey(id: KeyID(rawValue: 1), secret: secret)
let newKey = try SealingKey(
  id: KeyID(rawValue: 2), secret: SecretBytes(copying: [UInt8](repeating: 2, count: 32)))
let store = try SealedStore.open(
  at: URL(filePath: arguments[1]),
  keys: isReseal
    ? SealingKeyRing(current: newKey, retired: [oldKey]) : SealingKeyRing(current: oldKey),
  tables: [table], configuration: configuration)

let callerCount: UInt64 = 16

func write() async {
  await withTaskGroup(of: Void.self) { group in
    for caller in 0..<callerCount {
      group.addTask {
        var number = first + caller
        while true {
          let written = number
          guard let committed = try? await store.write({ try $0.put(table, written, written &* 3) })
          else { exit(1) }
          let line = Array("\(written) \(committed.sequence)\n".utf8)
          _ = line.span.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
          number += callerCount
        }
      }
    }
  }
}

func check() throws -> Bool {
  let rows = try store.read { try $0.rows(table) }
  let found = Dictionary(uniqueKeysWithValues: rows.map { ($0.key, $0.value) })
  var acknowledgedCount = 0
  var lostCount = 0
  while let line = readLine() {
    let numbers = line.split(separator: " ").compactMap { UInt64($0) }
    guard numbers.count == 2 else { continue }
    acknowledgedCount += 1
    let isThere = found[numbers[0]] == numbers[0] &* 3 && numbers[1] <= store.lastSequence.value
    if !isThere { lostCount += 1 }
  }
  print("{\"acknowledged\": \(acknowledgedCount), \"lost\": \(lostCount)}")
  // Each transaction wrote one row: no position is missing and none was given twice.
  return try UInt64(rows.count) == store.lastSequence.value && store.verify().isWhole
}

if isCheck {
  let isWhole = try check()
  store.close()
  exit(isWhole ? 0 : 1)
}
if let resealPace { try store.startResealing(ResealPace(valuesPerSecondMax: resealPace)) }
await write()
