internal import Cryptography
internal import CurveArithmetic
internal import Foundation
internal import PrivacyCore
internal import Synchronization
internal import Testing

/// Gives these bytes first and then the system's.
private final class GivenRandom: RandomSource {
  private let rest: Mutex<[UInt8]>

  init(_ bytes: [UInt8]) { rest = Mutex(bytes) }

  func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    let given = rest.withLock { rest in
      defer { rest.removeFirst(min(bytes.count, rest.count)) }
      return Array(rest.prefix(bytes.count))
    }
    if given.count == bytes.count {
      bytes.copyBytes(from: given)
    } else {
      SystemRandom().fill(bytes)
    }
  }
}

@Suite("Hashing to P-256")
struct HashToCurveTests {
  @Test("the vectors of RFC 9380, appendix J.1.1, hold")
  func vectors() throws {
    let vectors = try Vector.load("rfc9380-p256-sswu.txt")
    #expect(vectors.count == 5)
    for vector in vectors {
      let uniform = try MessageExpansion.expand(
        vector.bytes("message"), tag: Array("QUUX-V01-CS02-with-P256_XMD:SHA-256_SSWU_RO_".utf8),
        byteCount: CurvePoint.uniformByteCount)
      let point = try #require(CurvePoint(uniform: uniform))
      #expect(try point.coordinates == vector.bytes("x") + vector.bytes("y"), "\(vector)")
    }
  }

  @Test("every digest it can give is given, another length is another text")
  func lengths() throws {
    let most = try MessageExpansion.expand(
      [1], tag: [2], byteCount: MessageExpansion.byteCountMax)
    #expect(most.count == MessageExpansion.byteCountMax)
    #expect(Set(stride(from: 0, to: most.count, by: 32).map { most[$0] }).count > 100)
    #expect(try MessageExpansion.expand([1], tag: [2], byteCount: 32) != Array(most.prefix(32)))
  }
}

@Suite("The oblivious function")
struct ObliviousPRFTests {
  private static let info = Array("test key".utf8)

  private func key(_ seed: UInt8 = 0xA3) throws -> ObliviousKey {
    try ObliviousKey(
      seed: SecretBytes(copying: [UInt8](repeating: seed, count: 32)), info: Self.info)
  }

  @Test("the vectors of RFC 9497, appendix A.3.2, hold on both sides")
  func vectors() throws {
    let vectors = try Vector.load("rfc9497-voprf-p256.txt")
    #expect(vectors.count == 3)
    for vector in vectors {
      let key = try ObliviousKey(
        seed: SecretBytes(copying: try vector.bytes("seed")), info: vector.bytes("key_info"))
      #expect(try key.publicKey.bytes == vector.bytes("public_key"))
      let count = try vector.count("count")
      let all = { (name: String) in try (0..<count).map { try vector.bytes("\(name)\($0)") } }
      let batch = try ObliviousBatch(
        all("input"), random: GivenRandom(try all("blind").flatMap(\.self)))
      #expect(try batch.blinded.map(\.bytes) == all("blinded"), "\(vector)")
      let evaluated = try key.evaluate(batch.blinded)
      #expect(try evaluated.map(\.bytes) == all("evaluated"), "\(vector)")
      let proof = try key.prove(
        batch.blinded, evaluated: evaluated,
        random: GivenRandom(try vector.bytes("proof_random")))
      #expect(try proof == vector.bytes("proof"), "\(vector)")
      let outputs = try batch.finalize(evaluated, proof: proof, publicKey: key.publicKey)
      #expect(try outputs == all("output"), "\(vector)")
      #expect(try all("input").map { try key.output(of: $0) } == all("output"), "\(vector)")
    }
  }

  @Test("two blinds of one input have nothing in common, and give one value")
  func blinds() throws {
    let key = try key()
    var outputs: Set<[UInt8]> = []
    var blinded: Set<[UInt8]> = []
    for _ in 0..<8 {
      let batch = try ObliviousBatch([[1, 2, 3]], random: SystemRandom())
      blinded.formUnion(batch.blinded.map(\.bytes))
      let evaluated = try key.evaluate(batch.blinded)
      let proof = try key.prove(batch.blinded, evaluated: evaluated, random: SystemRandom())
      outputs.formUnion(
        try batch.finalize(evaluated, proof: proof, publicKey: key.publicKey))
    }
    #expect(blinded.count == 8)
    #expect(outputs == [try key.output(of: [1, 2, 3])])
  }

  @Test("a large batch is proven and verified as a whole, in parts too")
  func large() throws {
    let key = try key()
    let inputs = (0..<300).map { Array("person \($0)".utf8) }
    let batch = try ObliviousBatch(inputs, random: SystemRandom())
    let evaluated = try key.evaluate(batch.blinded[..<100]) + key.evaluate(batch.blinded[100...])
    let proof = try key.prove(batch.blinded, evaluated: evaluated, random: SystemRandom())
    let outputs = try batch.finalize(evaluated, proof: proof, publicKey: key.publicKey)
    #expect(outputs == (try inputs.map { try key.output(of: $0) }))
    #expect(Set(outputs).count == inputs.count)
  }

  @Test("an answer of another key, a changed or reordered one, and a changed proof are refused")
  func verification() throws {
    let key = try key()
    let other = try self.key(1)
    let batch = try ObliviousBatch([[1], [2]], random: SystemRandom())
    let evaluated = try key.evaluate(batch.blinded)
    let proof = try key.prove(batch.blinded, evaluated: evaluated, random: SystemRandom())
    #expect(throws: Never.self) {
      try batch.finalize(evaluated, proof: proof, publicKey: key.publicKey)
    }
    let lies: [(evaluated: [ObliviousElement], proof: [UInt8], key: ObliviousPublicKey)] = [
      (evaluated, proof, other.publicKey),
      (evaluated.reversed(), proof, key.publicKey),
      (try other.evaluate(batch.blinded), proof, key.publicKey),
      ([evaluated[0], try other.evaluate(batch.blinded)[1]], proof, key.publicKey),
      ([evaluated[0]], proof, key.publicKey),
      (evaluated + evaluated, proof, key.publicKey),
      (evaluated, Array(proof.dropLast()), key.publicKey),
      (evaluated, proof + [0], key.publicKey),
      (evaluated, [], key.publicKey),
      (evaluated, [UInt8](repeating: 0, count: 64), key.publicKey),
      (evaluated, [UInt8](repeating: 0xFF, count: 64), key.publicKey),
    ]
    for lie in lies {
      #expect(throws: CryptographyError.notAuthentic) {
        try batch.finalize(lie.evaluated, proof: lie.proof, publicKey: lie.key)
      }
    }
    for index in proof.indices {
      var changed = proof
      changed[index] ^= 1
      #expect(throws: CryptographyError.notAuthentic) {
        try batch.finalize(evaluated, proof: changed, publicKey: key.publicKey)
      }
    }
  }

  @Test("a server that uses another key for one person is found out")
  func taggedKey() throws {
    let key = try key()
    let other = try self.key(1)
    let batch = try ObliviousBatch([[1], [2]], random: SystemRandom())
    let evaluated = [
      try key.evaluate(batch.blinded[..<1])[0], try other.evaluate(batch.blinded[1...])[0],
    ]
    let proof = try key.prove(batch.blinded, evaluated: evaluated, random: SystemRandom())
    #expect(throws: CryptographyError.notAuthentic) {
      try batch.finalize(evaluated, proof: proof, publicKey: key.publicKey)
    }
  }

  @Test("elements and keys that are no points are refused")
  func malformed() throws {
    let good = try key().publicKey.bytes
    let bad: [[UInt8]] = [
      [], [0], [UInt8](repeating: 0, count: 33), Array(good.dropLast()), good + [0],
      [4] + good.dropFirst(), [2] + [UInt8](repeating: 0xFF, count: 32),
    ]
    for bytes in bad {
      #expect(throws: CryptographyError.malformedPoint) { try ObliviousElement(bytes: bytes) }
      #expect(throws: CryptographyError.malformedPoint) { try ObliviousPublicKey(bytes: bytes) }
    }
    #expect(try ObliviousElement(bytes: good).bytes == good)
  }

  @Test("seeds, inputs and batches have their limits")
  func limits() throws {
    #expect(throws: CryptographyError.keyByteCount(expected: 32, actual: 31)) {
      try ObliviousKey(seed: SecretBytes(copying: [UInt8](repeating: 1, count: 31)), info: [])
    }
    let most = ObliviousPRF.inputByteCountMax
    let key = try key()
    #expect(try key.output(of: [UInt8](repeating: 7, count: most)).count == 32)
    #expect(throws: CryptographyError.tooLong(byteCount: most + 1, byteCountMax: most)) {
      try key.output(of: [UInt8](repeating: 7, count: most + 1))
    }
    #expect(throws: CryptographyError.self) { try ObliviousBatch([], random: SystemRandom()) }
    let element = try ObliviousElement(bytes: key.publicKey.bytes)
    for count in [0, ObliviousPRF.batchCountMax + 1] {
      let elements = [ObliviousElement](repeating: element, count: count)
      #expect(throws: CryptographyError.self) {
        try key.prove(elements, evaluated: elements, random: SystemRandom())
      }
    }
    let elements = [ObliviousElement](repeating: element, count: ObliviousPRF.batchCountMax)
    #expect(throws: Never.self) {
      try key.prove(elements, evaluated: elements, random: SystemRandom())
    }
  }

  @Test("another seed or other info is another key")
  func keys() throws {
    let seed = [UInt8](repeating: 5, count: 32)
    let keys = try [[], [1], [1, 0]].map {
      try ObliviousKey(seed: SecretBytes(copying: seed), info: $0).publicKey.bytes
    }
    #expect(Set(keys + [try key().publicKey.bytes, try key(6).publicKey.bytes]).count == 5)
  }
}
