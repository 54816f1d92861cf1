internal import Cryptography
internal import PrivacyCore

/// What a store says of itself: kept in the tables' file, in short also in the journal's.
struct StoreIdentity: Equatable, Sendable {
  /// The format this program writes, and the newest it reads.
  static let currentFormat: UInt32 = 1
  static let storeIDByteCount = 16

  var format = currentFormat
  /// 16 random bytes: the two files of one store carry the same.
  let storeID: [UInt8]
  let serviceName: String
  /// A known text sealed under one of the store's keys, so that a wrong key shows at once.
  var keyCheck: [UInt8]

  private static let keyCheckPlaintext = Array("sealed store key check".utf8)

  init(serviceName: String, keys: SealingKeyRing, random: some RandomSource) throws(StoreError) {
    storeID = random.bytes(count: Self.storeIDByteCount)
    self.serviceName = serviceName
    keyCheck = []
    keyCheck = try sealedKeyCheck(keys)
  }

  /// Reads what `encoded` wrote. The format is looked at before anything else.
  init(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    var reader = unsafe KeyReader(bytes)
    do throws(StoreError) {
      format = try reader.readUInt32()
      guard format <= Self.currentFormat else {
        throw .newerFormat(found: format, supported: Self.currentFormat)
      }
      storeID = try reader.read(rawByteCount: Self.storeIDByteCount)
      serviceName = try String(from: &reader)
      keyCheck = try reader.read(rawByteCount: reader.remainingByteCount)
    } catch {
      if case .newerFormat = error { throw error }
      throw .corrupted("the store's identity cannot be read")
    }
  }

  var encoded: [UInt8] {
    var writer = KeyWriter()
    writer.append(format)
    writer.append(raw: storeID)
    writer.append(text: serviceName)
    writer.append(raw: keyCheck)
    return writer.bytes
  }

  /// Throws unless `keys` are the store's. Says whether the check is sealed under a retired key
  /// and wants to be renewed.
  func checkKeys(_ keys: SealingKeyRing) throws(StoreError) -> Bool {
    guard let opened = try? keys.open(keyCheck, associatedData: storeID),
      opened == Self.keyCheckPlaintext
    else { throw .wrongKey }
    return unsafe keyCheck.withUnsafeBytes { unsafe (try? SealingKey.keyID(of: $0)) }
      != keys.current.id
  }

  func sealedKeyCheck(_ keys: SealingKeyRing) throws(StoreError) -> [UInt8] {
    do {
      return try keys.seal(Self.keyCheckPlaintext, associatedData: storeID)
    } catch {
      throw .inputOutput("the key check cannot be sealed")
    }
  }
}
