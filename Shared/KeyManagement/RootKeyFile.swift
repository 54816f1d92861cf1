internal import Cryptography
internal import PrivacyCore

/// What the `file` provider keeps: a root key, in the open or sealed under a passphrase.
struct RootKeyFile: KeyFile {
  static let kind = "tacit-root-key"
  static let format = 1
  static let keyByteCount = 32
  private static let saltByteCount = 16

  /// How a passphrase becomes the key that seals the root key.
  struct Scrypt: Codable {
    let salt: String
    let workLog2: Int
    let blockSize: Int
    let parallelism: Int
  }

  let createdAt: String
  /// Base64url. Exactly one of `key` and `sealedKey` is there.
  private var key: String?
  private var sealedKey: String?
  private var scrypt: Scrypt?

  var isSealed: Bool { sealedKey != nil }

  /// The root key in the open: the file's mode is all that protects it.
  init(key: borrowing SecretBytes, createdAt: Timestamp) {
    self.createdAt = createdAt.description
    self.key = key.withUnsafeBytes { Base64URL.encode($0) }
  }

  /// The root key under a passphrase.
  init(
    key: borrowing SecretBytes, createdAt: Timestamp, passphrase: borrowing SecretBytes,
    cost: ScryptCost, random: any RandomSource
  ) throws(CryptographyError) {
    self.createdAt = createdAt.description
    let salt = random.bytes(count: Self.saltByteCount)
    scrypt = Scrypt(
      salt: Base64URL.encode(salt), workLog2: cost.workLog2, blockSize: cost.blockSize,
      parallelism: cost.parallelism)
    let sealer = try Self.sealer(passphrase: passphrase, salt: salt, cost: cost, random: random)
    sealedKey = Base64URL.encode(try sealer.seal(key, associatedData: Array(Self.kind.utf8)))
  }

  /// The root key of a file that holds it in the open.
  func openKey(path: String) throws(KeyManagementError) -> SecretBytes {
    guard let key, let bytes = Base64URL.decode(key), bytes.count == Self.keyByteCount else {
      throw .damaged(path: path, reason: "its key is missing or malformed")
    }
    return SecretBytes(copying: bytes)
  }

  /// The root key of a file that holds it sealed.
  func openSealedKey(
    passphrase: borrowing SecretBytes, path: String
  ) throws(KeyManagementError) -> SecretBytes {
    guard let sealedKey, let sealed = Base64URL.decode(sealedKey), let scrypt,
      let salt = Base64URL.decode(scrypt.salt),
      let cost = try? ScryptCost(
        workLog2: scrypt.workLog2, blockSize: scrypt.blockSize, parallelism: scrypt.parallelism),
      sealed.count == Self.keyByteCount + SealingKey.overheadByteCount
    else { throw .damaged(path: path, reason: "its sealed key is missing or malformed") }
    do throws(CryptographyError) {
      let sealer = try Self.sealer(
        passphrase: passphrase, salt: salt, cost: cost, random: SystemRandom())
      return try sealer.openSecret(sealed, associatedData: Array(Self.kind.utf8))
    } catch {
      guard error == .notAuthentic else { throw .cryptography(error) }
      throw .wrongPassphrase(path: path)
    }
  }

  private static func sealer(
    passphrase: borrowing SecretBytes, salt: [UInt8], cost: ScryptCost, random: any RandomSource
  ) throws(CryptographyError) -> SealingKey {
    let derived = try KeyDerivation.scrypt(
      passphrase: passphrase, salt: salt, cost: cost, byteCount: SealingKey.keyByteCount)
    return try SealingKey(id: KeyID(rawValue: 0), secret: derived, random: random)
  }
}
