internal import Cryptography
internal import PrivacyCore
internal import TestSupport
internal import Testing

@Suite("Sealed secrets")
struct SealedSecretTests {
  private let key: SealingKey

  init() throws {
    let secret = SecretBytes(random: SeededRandom(seed: 1), count: SealingKey.keyByteCount)
    key = try SealingKey(id: KeyID(rawValue: 3), secret: secret)
  }

  @Test("a secret opens to what was sealed", arguments: [0, 1, 32, 4_096])
  func roundTrip(byteCount: Int) throws {
    let secret = SecretBytes(random: SeededRandom(seed: 2), count: byteCount)
    let sealed = try key.seal(secret, associatedData: [1])
    let opened = try key.openSecret(sealed, associatedData: [1])
    let bytes = opened.withUnsafeBytes { Array($0) }
    #expect(bytes == SeededRandom(seed: 2).bytes(count: byteCount))
    #expect(try key.open(sealed, associatedData: [1]) == bytes)
  }

  @Test("a changed, cut or misplaced one is refused")
  func refused() throws {
    let sealed = try key.seal(SecretBytes(copying: [1, 2, 3]), associatedData: [1])
    #expect(throws: CryptographyError.notAuthentic) {
      _ = try key.openSecret(sealed, associatedData: [2])
    }
    #expect(throws: CryptographyError.notAuthentic) {
      _ = try key.openSecret(sealed.dropLast() + [sealed[35] ^ 1], associatedData: [1])
    }
    #expect(throws: CryptographyError.truncated(byteCount: 32)) {
      _ = try key.openSecret(Array(sealed[..<32]), associatedData: [1])
    }
    #expect(throws: CryptographyError.truncated(byteCount: 0)) {
      _ = try key.openSecret([], associatedData: [1])
    }
  }
}
