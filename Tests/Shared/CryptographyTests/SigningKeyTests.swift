internal import Cryptography
internal import PrivacyCore
internal import TestSupport
internal import Testing

@Suite("Signatures")
struct SigningKeyTests {
  private let key: SigningKey
  private let message = Array("checkpoint 42".utf8)

  init() throws {
    key = try SigningKey(seed: SecretBytes(random: SeededRandom(seed: 1), count: 32))
  }

  @Test("the vectors of RFC 8032 hold")
  func vectors() throws {
    let vectors = try Vector.load("rfc8032-ed25519.txt")
    #expect(vectors.count == 4)
    for vector in vectors {
      let key = try SigningKey(seed: SecretBytes(copying: try vector.bytes("seed")))
      let message = try vector.bytes("message")
      let signature = try vector.bytes("signature")
      #expect(key.publicKey.bytes == (try vector.bytes("public_key")), "\(vector)")
      #expect(try key.sign(message) == signature, "\(vector)")
      #expect(key.publicKey.verify(signature, of: message), "\(vector)")
    }
  }

  @Test("one flipped bit in signature, message or key is noticed")
  func flippedBits() throws {
    let signature = try key.sign(message)
    for position in signature.indices {
      var changed = signature
      changed[position] ^= 1 << UInt8(position % 8)
      #expect(!key.publicKey.verify(changed, of: message))
    }
    for position in message.indices {
      var changed = message
      changed[position] ^= 1
      #expect(!key.publicKey.verify(signature, of: changed))
    }
    for position in key.publicKey.bytes.indices {
      var changed = key.publicKey.bytes
      changed[position] ^= 1
      #expect(try !VerifyingKey(bytes: changed).verify(signature, of: message))
    }
    #expect(key.publicKey.verify(signature, of: message))
  }

  @Test("a signature of another length is none", arguments: [0, 1, 63, 65, 128])
  func signatureLength(byteCount: Int) throws {
    let signature = try key.sign(message) + key.sign(message)
    #expect(!key.publicKey.verify(Array(signature[..<byteCount]), of: message))
  }

  @Test("seeds and public keys have 32 bytes", arguments: [0, 31, 33])
  func lengths(byteCount: Int) {
    let expected = CryptographyError.keyByteCount(expected: 32, actual: byteCount)
    #expect(throws: expected) {
      _ = try SigningKey(seed: SecretBytes(random: SeededRandom(seed: 1), count: byteCount))
    }
    #expect(throws: expected) {
      _ = try VerifyingKey(bytes: [UInt8](repeating: 1, count: byteCount))
    }
  }

  @Test("many threads sign at once")
  func concurrent() async throws {
    let expected = try key.sign(message)
    try await withThrowingTaskGroup(of: [UInt8].self) { group in
      for _ in 0..<16 { group.addTask { [key, message] in try key.sign(message) } }
      for try await signature in group { #expect(signature == expected) }
    }
  }
}
