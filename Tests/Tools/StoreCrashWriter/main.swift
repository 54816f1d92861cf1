internal import Cryptography
internal import Foundation
internal import Glibc
internal import PrivacyCore
internal import SealedStore

// Writes to a store until it is killed, and says on standard output which writes were
// acknowledged: one line `number position` each, written after the acknowledgement.
//
//     StoreCrashWriter DIRECTORY FIRST_NUMBER
//
// The tests kill it at some moment and look whether every line is still true.

let arguments = CommandLine.arguments
guard arguments.count == 3, let first = UInt64(arguments[2]) else {
  print("usage: StoreCrashWriter DIRECTORY FIRST_NUMBER")
  exit(2)
}

let table = StoreTable<UInt64, UInt64>("crash", id: 1)
let secret = SecretBytes(copying: [UInt8](repeating: 1, count: 32))
var configuration = StoreConfiguration(serviceName: "crash")
configuration.mapByteCountMax = 1 << 30
configuration.applyDelayMs = 3
configuration.journalRetentionCount = 500
let store = try SealedStore.open(
  at: URL(filePath: arguments[1]),
  keys: SealingKeyRing(current: SealingKey(id: KeyID(rawValue: 1), secret: secret)),
  tables: [table], configuration: configuration)

let callerCount: UInt64 = 16
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
