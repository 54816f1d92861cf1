internal import Cryptography
internal import PrivacyCore
internal import TestSupport
internal import Testing

@Suite("HMAC")
struct HMACKeyTests {
  @Test("the vectors of RFC 4231 hold, again and again with one key")
  func vectors() throws {
    let vectors = try Vector.load("rfc4231-hmac-sha256.txt")
    #expect(vectors.count == 7)
    for vector in vectors {
      let key = try HMACKey(secret: SecretBytes(copying: try vector.bytes("key")))
      let message = try vector.bytes("message")
      let code = try vector.bytes("code")
      for _ in 0..<3 {
        #expect(try key.authenticate(message).prefix(code.count) == code[...], "\(vector)")
        _ = try key.authenticate(message + [0])
      }
    }
  }

  @Test("an empty message has a code, an empty key is refused")
  func empty() throws {
    let key = try HMACKey(secret: SecretBytes(copying: [1]))
    #expect(try key.authenticate([]).count == HMACKey.codeByteCount)
    #expect(try key.authenticate([]) != key.authenticate([0]))
    #expect(throws: CryptographyError.keyByteCount(expected: 32, actual: 0)) {
      _ = try HMACKey(secret: SecretBytes(copying: []))
    }
  }

  @Test("a code verifies for its own message only")
  func verify() throws {
    let key = try HMACKey(secret: SecretBytes(copying: [1, 2, 3]))
    let code = try key.authenticate([7])
    #expect(try key.verify(code, of: [7]))
    #expect(try !key.verify(code, of: [8]))
    #expect(try !key.verify(Array(code.dropLast()), of: [7]))
    #expect(try !key.verify([], of: [7]))
  }

  @Test("many threads at once get the same codes as one")
  func concurrent() async throws {
    let key = try HMACKey(secret: SecretBytes(copying: [1, 2, 3]))
    let expected = try (0..<100).map { try key.authenticate([UInt8($0)]) }
    try await withThrowingTaskGroup(of: [[UInt8]].self) { group in
      for _ in 0..<32 {
        group.addTask { try (0..<100).map { try key.authenticate([UInt8($0)]) } }
      }
      for try await codes in group { #expect(codes == expected) }
    }
  }
}

@Suite("Key derivation")
struct KeyDerivationTests {
  @Test("the vectors of RFC 5869 hold")
  func hkdf() throws {
    let vectors = try Vector.load("rfc5869-hkdf-sha256.txt")
    #expect(vectors.count == 3)
    for vector in vectors {
      let derived = try KeyDerivation.hkdfSHA256(
        secret: SecretBytes(copying: try vector.bytes("secret")), salt: try vector.bytes("salt"),
        info: try vector.bytes("info"), byteCount: try vector.count("byte_count"))
      let expected = try vector.bytes("output")
      #expect(derived.array == expected, "\(vector)")
    }
  }

  @Test("HKDF gives 1 to 8,160 bytes", arguments: [1, 32, KeyDerivation.hkdfByteCountMax])
  func hkdfLengths(byteCount: Int) throws {
    let secret = SecretBytes(copying: [1])
    let derived = try KeyDerivation.hkdfSHA256(
      secret: secret, salt: [], info: [], byteCount: byteCount)
    #expect(derived.byteCount == byteCount)
  }

  @Test("HKDF refuses other lengths", arguments: [-1, 0, KeyDerivation.hkdfByteCountMax + 1])
  func hkdfLimits(byteCount: Int) {
    #expect(throws: CryptographyError.self) {
      _ = try KeyDerivation.hkdfSHA256(
        secret: SecretBytes(copying: [1]), salt: [], info: [], byteCount: byteCount)
    }
  }

  @Test("HKDF refuses an empty secret")
  func hkdfEmptySecret() {
    #expect(throws: CryptographyError.keyByteCount(expected: 32, actual: 0)) {
      _ = try KeyDerivation.hkdfSHA256(
        secret: SecretBytes(copying: []), salt: [1], info: [1], byteCount: 32)
    }
  }

  @Test("the vectors of RFC 7914 hold")
  func scrypt() throws {
    let vectors = try Vector.load("rfc7914-scrypt.txt")
    #expect(vectors.count == 3)
    for vector in vectors {
      let cost = try ScryptCost(
        workLog2: try vector.count("work_log2"), blockSize: try vector.count("block_size"),
        parallelism: try vector.count("parallelism"))
      let derived = try KeyDerivation.scrypt(
        passphrase: SecretBytes(copying: try vector.bytes("passphrase")),
        salt: try vector.bytes("salt"), cost: cost, byteCount: 64)
      let expected = try vector.bytes("output")
      #expect(derived.array == expected, "\(vector)")
    }
  }

  @Test("scrypt gives 1 to 64 bytes", arguments: [0, 65])
  func scryptLimits(byteCount: Int) throws {
    let cost = try ScryptCost(workLog2: 1, blockSize: 1, parallelism: 1)
    #expect(throws: CryptographyError.self) {
      _ = try KeyDerivation.scrypt(
        passphrase: SecretBytes(copying: [1]), salt: [], cost: cost, byteCount: byteCount)
    }
  }

  @Test(
    "a cost within every limit is taken",
    arguments: [(1, 1, 1), (18, 8, 1), (21, 1, 1), (16, 32, 16), (17, 8, 1)])
  func costWithin(workLog2: Int, blockSize: Int, parallelism: Int) {
    #expect(throws: Never.self) {
      try ScryptCost(workLog2: workLog2, blockSize: blockSize, parallelism: parallelism)
    }
  }

  @Test(
    "a cost past a limit is refused",
    arguments: [
      (0, 1, 1), (22, 1, 1), (1, 0, 1), (1, 33, 1), (1, 1, 0), (1, 1, 17), (19, 8, 1), (-1, 8, 1),
      (Int.max, 1, 1), (1, Int.max, 1), (1, 1, Int.max), (21, 2, 1),
    ])
  func costPast(workLog2: Int, blockSize: Int, parallelism: Int) {
    #expect(throws: CryptographyError.self) {
      try ScryptCost(workLog2: workLog2, blockSize: blockSize, parallelism: parallelism)
    }
  }
}

@Suite("Digests")
struct DigestTests {
  @Test("the examples of FIPS 180-4 hold, whole and byte by byte")
  func vectors() throws {
    let vectors = try Vector.load("fips180-sha256.txt")
    #expect(vectors.count == 3)
    for vector in vectors {
      let message = try vector.bytes("message")
      let digest = try vector.bytes("digest")
      #expect(try Digest.sha256(message) == digest, "\(vector)")
      var streamed = try SHA256()
      for byte in message { try streamed.update([byte]) }
      try streamed.update([])
      let result = try streamed.finalize()
      #expect(result == digest, "\(vector)")
    }
  }

  @Test("a digest that is dropped half-way does no harm")
  func dropped() throws {
    var digest = try SHA256()
    try digest.update([1, 2, 3])
  }
}

@Suite("Secret bytes")
struct SecretBytesTests {
  @Test("a copy has the same bytes and outlives the first")
  func copies() {
    let copy: SecretBytes
    do {
      let first = SecretBytes(copying: [1, 2, 3])
      copy = first.copy()
    }
    #expect(copy.array == [1, 2, 3])
    #expect(copy.byteCount == 3)
  }

  @Test("they come from the source that was given")
  func random() {
    let secret = SecretBytes(random: SeededRandom(seed: 5), count: 37)
    #expect(secret.array == SeededRandom(seed: 5).bytes(count: 37))
  }

  @Test("a filler that fails leaves nothing")
  func filler() {
    #expect(throws: CryptographyError.notAuthentic) {
      _ = try SecretBytes(byteCount: 4) { _ throws(CryptographyError) in throw .notAuthentic }
    }
    let filled = SecretBytes(byteCount: 4) { $0[1] = 7 }
    #expect(filled.array == [0, 7, 0, 0])
  }

  @Test("no bytes at all are bytes too")
  func none() {
    let none = SecretBytes(copying: [])
    #expect(none.byteCount == 0)
    #expect(none.array == [])
  }
}

@Suite("Constant-time comparison")
struct ConstantTimeTests {
  @Test("only equal bytes are equal")
  func comparison() {
    #expect(ConstantTime.areEqual([], []))
    #expect(ConstantTime.areEqual([1, 2], [1, 2]))
    #expect(!ConstantTime.areEqual([1, 2], [1, 3]))
    #expect(!ConstantTime.areEqual([1, 2], [0, 2]))
    #expect(!ConstantTime.areEqual([1, 2], [1, 2, 0]))
    #expect(!ConstantTime.areEqual([], [0]))
  }
}

extension SecretBytes {
  /// The bytes in the open, for comparison in a test.
  fileprivate var array: [UInt8] { withUnsafeBytes { Array($0) } }
}
