internal import Cryptography
internal import PrivacyCore
internal import TestSupport
internal import Testing

@Suite("Sealing")
struct SealingKeyTests {
  private let key: SealingKey
  private let place = Array("features|42".utf8)

  init() throws { key = try Self.makeKey(id: 7, seed: 1) }

  private static func makeKey(id: UInt32, seed: UInt64) throws -> SealingKey {
    let secret = SecretBytes(random: SeededRandom(seed: seed), count: SealingKey.keyByteCount)
    return try SealingKey(id: KeyID(rawValue: id), secret: secret)
  }

  @Test("a value opens to what was sealed", arguments: [0, 1, 15, 16, 17, 100, 4_096, 70_001])
  func roundTrip(byteCount: Int) throws {
    let plaintext = SeededRandom(seed: 2).bytes(count: byteCount)
    let sealed = try key.seal(plaintext, associatedData: place)
    #expect(sealed.count == byteCount + SealingKey.overheadByteCount)
    #expect(try key.open(sealed, associatedData: place) == plaintext)
    #expect(try key.open(key.seal(plaintext)) == plaintext)
  }

  @Test("sealing appends and leaves what is there")
  func appends() throws {
    var output: [UInt8] = [9, 8, 7]
    for value in [[1, 2, 3], [], [4]] as [[UInt8]] {
      let start = output.count
      try value.withUnsafeBytes { value in
        try place.withUnsafeBytes { try key.seal(value, associatedData: $0, into: &output) }
      }
      #expect(try key.open(Array(output[start...]), associatedData: place) == value)
    }
    #expect(output.starts(with: [9, 8, 7]))
  }

  @Test("the header names the format and the key")
  func header() throws {
    let sealed = try key.seal([1])
    #expect(sealed.starts(with: [1, 0, 0, 0, 7]))
    #expect(try sealed.withUnsafeBytes { try SealingKey.keyID(of: $0) } == KeyID(rawValue: 7))
  }

  @Test("one flipped bit anywhere is noticed")
  func flippedBits() throws {
    let sealed = try key.seal(Array("a plaintext of some bytes".utf8), associatedData: place)
    for position in sealed.indices {
      for bit in 0..<8 {
        var changed = sealed
        changed[position] ^= 1 << UInt8(bit)
        let expected: CryptographyError =
          switch position {
          case 0: .unsupportedFormat(changed[0])
          case 1..<5:
            .otherKey(
              sealedUnder: KeyID(rawValue: 7 ^ 1 << UInt32((4 - position) * 8 + bit)),
              openedWith: KeyID(rawValue: 7))
          default: .notAuthentic
          }
        #expect(throws: expected) { try key.open(changed, associatedData: place) }
      }
    }
    #expect(throws: Never.self) { try key.open(sealed, associatedData: place) }
  }

  @Test("a value cut at any byte is refused, and so is one byte more")
  func truncated() throws {
    let sealed = try key.seal(Array("a plaintext".utf8), associatedData: place)
    for byteCount in 0..<sealed.count {
      let expected: CryptographyError =
        byteCount < SealingKey.overheadByteCount
        ? .truncated(byteCount: byteCount) : .notAuthentic
      #expect(throws: expected) {
        try key.open(Array(sealed[..<byteCount]), associatedData: place)
      }
    }
    #expect(throws: CryptographyError.notAuthentic) {
      try key.open(sealed + [0], associatedData: place)
    }
  }

  @Test("a value does not open in another place")
  func associatedData() throws {
    let sealed = try key.seal([1, 2, 3], associatedData: place)
    for other in [[], Array("features|43".utf8), place + [0], Array(place.dropLast())] {
      #expect(throws: CryptographyError.notAuthentic) {
        try key.open(sealed, associatedData: other)
      }
    }
  }

  @Test("another secret under the same id does not open a value")
  func otherSecret() throws {
    let other = try Self.makeKey(id: 7, seed: 2)
    #expect(throws: CryptographyError.notAuthentic) { try other.open(try key.seal([1])) }
  }

  @Test("the same secret under another id does not open a value, even with the id rewritten")
  func otherID() throws {
    let other = try Self.makeKey(id: 8, seed: 1)
    var sealed = try key.seal([1])
    #expect(
      throws: CryptographyError.otherKey(
        sealedUnder: KeyID(rawValue: 7), openedWith: KeyID(rawValue: 8))
    ) { try other.open(sealed) }
    sealed[4] = 8
    #expect(throws: CryptographyError.notAuthentic) { try other.open(sealed) }
  }

  @Test("a key still works after values that were refused")
  func afterFailure() throws {
    let sealed = try key.seal([1, 2, 3])
    for _ in 0..<3 {
      #expect(throws: CryptographyError.notAuthentic) { try key.open(sealed + [0]) }
      #expect(try key.open(sealed) == [1, 2, 3])
      #expect(try key.open(key.seal([4])) == [4])
    }
  }

  @Test("a failed seal leaves the output as it was")
  func failedSeal() throws {
    var output: [UInt8] = [1, 2, 3]
    let small: [UInt8] = [0]
    small.withUnsafeBytes { small in
      // Only the length is looked at: the memory behind it is never read.
      let tooLong = UnsafeRawBufferPointer(
        start: small.baseAddress, count: SealingKey.plaintextByteCountMax + 1)
      let expected = CryptographyError.tooLong(
        byteCount: SealingKey.plaintextByteCountMax + 1,
        byteCountMax: SealingKey.plaintextByteCountMax)
      #expect(throws: expected) { try key.seal(tooLong, associatedData: small, into: &output) }
      #expect(throws: expected) { try key.seal(small, associatedData: tooLong, into: &output) }
      #expect(throws: expected) {
        try key.open(try key.seal([1]).withUnsafeBytes { Array($0) }, place: tooLong)
      }
    }
    #expect(output == [1, 2, 3])
  }

  @Test("the longest plaintext is sealed and opened")
  func longest() throws {
    var plaintext = [UInt8](repeating: 0x5A, count: SealingKey.plaintextByteCountMax)
    plaintext[plaintext.count - 1] = 1
    let sealed = try key.seal(plaintext)
    let opened = try key.open(sealed)
    // The tag vouches for the rest; comparing it byte by byte takes a debug build a second.
    #expect(opened.count == plaintext.count)
    #expect(opened.last == 1)
  }

  @Test("a key has 32 bytes", arguments: [0, 16, 31, 33])
  func keyByteCount(byteCount: Int) {
    #expect(throws: CryptographyError.keyByteCount(expected: 32, actual: byteCount)) {
      let secret = SecretBytes(random: SeededRandom(seed: 1), count: byteCount)
      _ = try SealingKey(id: KeyID(rawValue: 1), secret: secret)
    }
  }
}

extension SealingKey {
  fileprivate func open(_ sealed: [UInt8], place: UnsafeRawBufferPointer) throws -> [UInt8] {
    try sealed.withUnsafeBytes { try open($0, associatedData: place) }
  }
}

@Suite("Nonces")
struct NonceTests {
  private static func nonce(of sealed: [UInt8]) -> [UInt8] { Array(sealed[5..<17]) }

  @Test("no two threads ever seal under the same nonce")
  func concurrent() async throws {
    let secret = SecretBytes(random: SeededRandom(seed: 1), count: 32)
    let key = try SealingKey(id: KeyID(rawValue: 1), secret: secret)
    let nonces = try await withThrowingTaskGroup(of: Set<[UInt8]>.self) { group in
      for task in 0..<8 {
        group.addTask {
          var nonces: Set<[UInt8]> = []
          for _ in 0..<500 {
            let plaintext = [UInt8](repeating: UInt8(task), count: 40)
            let sealed = try key.seal(plaintext)
            #expect(try key.open(sealed) == plaintext)
            nonces.insert(Self.nonce(of: sealed))
          }
          return nonces
        }
      }
      return try await group.reduce(into: Set()) { $0.formUnion($1) }
    }
    #expect(nonces.count == 4_000)
  }

  @Test("a key that is opened again begins elsewhere")
  func restart() throws {
    let secret = SecretBytes(random: SeededRandom(seed: 1), count: 32)
    let nonces = try (0..<64).map { _ in
      let key = try SealingKey(id: KeyID(rawValue: 1), secret: secret)
      return Self.nonce(of: try key.seal([1]))
    }
    #expect(Set(nonces).count == 64)
  }

  @Test("the counter goes on past its largest value")
  func wraps() throws {
    let secret = SecretBytes(random: SeededRandom(seed: 1), count: 32)
    let key = try SealingKey(id: KeyID(rawValue: 1), secret: secret, random: AllOnes())
    let nonces = try (0..<3).map { _ in Self.nonce(of: try key.seal([1])) }
    #expect(nonces[0] == [UInt8](repeating: 0xFF, count: 12))
    #expect(Set(nonces).count == 3)
    #expect(nonces.allSatisfy { $0.starts(with: [0xFF, 0xFF, 0xFF, 0xFF]) })
  }
}

/// The source that makes a counter begin at its end.
private struct AllOnes: RandomSource {
  func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    for index in bytes.indices { bytes[index] = 0xFF }
  }
}

@Suite("Rings of keys")
struct SealingKeyRingTests {
  private static func makeKey(_ id: UInt32) throws -> SealingKey {
    let secret = SecretBytes(random: SeededRandom(seed: UInt64(id)), count: 32)
    return try SealingKey(id: KeyID(rawValue: id), secret: secret)
  }

  @Test("new values are sealed under the current key, old ones still open")
  func rotation() throws {
    let first = SealingKeyRing(current: try Self.makeKey(1))
    let old = try first.seal([1], associatedData: [5])
    let second = SealingKeyRing(current: try Self.makeKey(2), retired: [first.current])
    let new = try second.seal([2], associatedData: [5])
    #expect(new[4] == 2)
    #expect(try second.open(old, associatedData: [5]) == [1])
    #expect(try second.open(new, associatedData: [5]) == [2])
    #expect(second.ids == [KeyID(rawValue: 1), KeyID(rawValue: 2)])
    #expect(second.key(KeyID(rawValue: 1)) === first.current)
    #expect(throws: CryptographyError.unknownKey(KeyID(rawValue: 2))) {
      try first.open(new, associatedData: [5])
    }
  }

  @Test("a ring refuses what is too short or of another format")
  func malformed() throws {
    let ring = SealingKeyRing(current: try Self.makeKey(1))
    #expect(throws: CryptographyError.truncated(byteCount: 3)) { try ring.open([1, 2, 3]) }
    let newer = [2] + [UInt8](repeating: 0, count: 40)
    #expect(throws: CryptographyError.unsupportedFormat(2)) { try ring.open(newer) }
  }
}
