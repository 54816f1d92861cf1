internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore

/// The store under test and its rows: pids, which are random, and values of 100 bytes.
enum BenchStore {
  static let table = StoreTable<PseudonymousID, [UInt8]>("bench", id: 1)
  static let valueByteCount = 100

  static func open(
    _ directory: URL, _ change: (inout StoreConfiguration) -> Void = { _ in }
  ) throws -> SealedStore {
    var configuration = StoreConfiguration(serviceName: "bench")
    change(&configuration)
    return try SealedStore.open(
      at: directory, keys: SealingKeyRing(current: sealingKey()), tables: [table],
      configuration: configuration)
  }

  static func sealingKey() throws -> SealingKey {
    let secret = SecretBytes(copying: [UInt8](repeating: 1, count: SealingKey.keyByteCount))
    return try SealingKey(id: KeyID(rawValue: 1), secret: secret)
  }

  /// The random numbers of row `number`; the peers' programs draw the same ones.
  private static func numbers(_ number: UInt64) -> SplitMix64 {
    SplitMix64(seed: number &* 0xD134_2543_DE82_EF95)
  }

  /// The pid of row `number`; the peers' programs make the same ones.
  static func pid(_ number: Int) -> PseudonymousID {
    var random = numbers(UInt64(number))
    return PseudonymousID(
      words: (
        random.next().bigEndian, random.next().bigEndian, random.next().bigEndian,
        random.next().bigEndian
      ))
  }

  static func value(_ number: Int) -> [UInt8] {
    var random = numbers(UInt64(number) ^ 0x5555_5555_5555_5555)
    return [UInt8](unsafeUninitializedCapacity: 104) { buffer, count in
      for word in 0..<13 {
        UnsafeMutableRawBufferPointer(buffer).storeBytes(
          of: random.next(), toByteOffset: 8 * word, as: UInt64.self)
      }
      count = valueByteCount
    }
  }
}
