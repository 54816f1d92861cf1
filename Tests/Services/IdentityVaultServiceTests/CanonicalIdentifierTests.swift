internal import Cryptography
internal import Foundation
internal import IdentityVaultService
internal import PrivacyCore
internal import Testing
internal import VaultAPI

@Suite("Canonical identifiers and their pids")
struct CanonicalIdentifierTests {
  private struct SeedVectors: Decodable {
    struct Vector: Decodable {
      let keyHex: String
      let input: String
      let pid: String
    }
    let vectors: [Vector]
  }

  private struct UID2Vectors: Decodable {
    struct Vector: Decodable {
      let input: String
      let normalized: String
    }
    let vectors: [Vector]
  }

  private func read<File: Decodable>(_ name: String) throws -> File {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Vectors/pseudonyms")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(
      File.self, from: Data(contentsOf: folder.appending(path: name)))
  }

  private func pid(of email: String, key: [UInt8]) throws -> PseudonymousID {
    let domain = try PseudonymDomain(
      name: "default", emailProfile: .emailSeed, keyVersion: 1,
      key: { _ in try HMACKey(secret: SecretBytes(copying: key)) })
    let canonical = try CanonicalIdentifier(
      Identifier(kind: .email, value: email), emailProfile: .emailSeed)
    return try domain.pid(of: canonical)
  }

  @Test("the pids of the Python function are ours")
  func seedVectors() throws {
    let file: SeedVectors = try read("pseudonym_seed_profile.json")
    // Our keys have 32 bytes; the Python function takes any.
    let vectors = file.vectors.filter { $0.keyHex.utf8.count == 64 }
    #expect(vectors.count > 8)
    for vector in vectors {
      let key = try #require(Hexadecimal.decode(vector.keyHex))
      #expect(try pid(of: vector.input, key: key).description == vector.pid)
    }
  }

  @Test("the short way to the canonical form says what the long way says, of any text")
  func plainAddresses() throws {
    var random = SplitMix64(seed: 20_261_127)
    let characters = Array("aBz09.-_+@@..-é \"")
    func outcome(
      _ make: () throws(IdentifierRefusal) -> [UInt8]
    ) -> Result<[UInt8], IdentifierRefusal> { Result(catching: make) }
    var texts = (0..<60_000).map { _ in
      String(
        (0..<Int(random.next() % 14)).map { _ in
          characters[Int(random.next() % UInt64(characters.count))]
        })
    }
    // Both sides of each length.
    for local in [1, 63, 64, 65] {
      for label in [1, 62, 63, 64] {
        for labels in 1...4 {
          let domain = Array(repeating: String(repeating: "a", count: label), count: labels)
          texts.append(
            String(repeating: "A", count: local) + "@" + domain.joined(separator: ".") + ".de")
        }
      }
    }
    var accepted = 0
    for text in texts {
      let short = outcome { () throws(IdentifierRefusal) in
        try EmailAddress.canonical(text, profile: .emailV1)
      }
      let long = outcome { () throws(IdentifierRefusal) in
        try EmailAddress.generalVersion1(text)
      }
      #expect(short == long, "\(text)")
      if case .success = short { accepted += 1 }
    }
    #expect(accepted > 50)
  }

  @Test("e-mail addresses are normalised as UID2 does")
  func uid2Vectors() throws {
    let file: UID2Vectors = try read("email_uid2_profile.json")
    #expect(!file.vectors.isEmpty)
    for vector in file.vectors {
      let canonical = try EmailAddress.canonical(vector.input, profile: .emailUID2)
      #expect(String(decoding: canonical, as: UTF8.self) == vector.normalized)
    }
  }

  private func email(_ text: String) throws -> String {
    String(decoding: try EmailAddress.canonical(text, profile: .emailV1), as: UTF8.self)
  }

  @Test(
    "what is no e-mail address is refused without repeating it",
    arguments: [
      "", "alice", "@example.com", "alice@", "a b@example.com", "alice@example",
      "alice@-a.com", "a..b@example.com", "alice@exa_mple.com", "al\u{200B}ice@example.com",
    ])
  func badEmails(text: String) {
    let refusal = #expect(throws: IdentifierRefusal.self) { try email(text) }
    if !text.isEmpty { #expect(refusal?.description.contains(text) == false) }
  }

  @Test("the part before the @ has at most 64 bytes", arguments: [64, 65])
  func localPart(byteCount: Int) {
    let text = String(repeating: "a", count: byteCount) + "@example.com"
    #expect(((try? email(text)) != nil) == (byteCount <= 64))
  }

  @Test(
    "a canonical e-mail address stays as it is",
    arguments: ["Alice@Example.COM", " b.c+d@m.example.org "])
  func idempotent(text: String) throws {
    let once = try email(text)
    #expect(try email(once) == once)
    #expect(once == once.lowercased())
  }

  @Test(
    "phone numbers become E.164",
    arguments: [("+49 30 1234567", "", "+49301234567"), ("030 1234567", "DE", "+49301234567")])
  func phones(text: String, region: String, canonical: String) throws {
    let bytes = try PhoneNumber.canonical(text, region: region)
    #expect(String(decoding: bytes, as: UTF8.self) == canonical)
  }

  @Test(
    "a national number without a region, letters and wrong lengths are refused",
    arguments: [
      ("030 1234567", ""), ("+49 CALL ME", ""), ("+4912345", ""), ("+4912345678901234", ""),
    ])
  func badPhones(text: String, region: String) {
    #expect(throws: IdentifierRefusal.self) { try PhoneNumber.canonical(text, region: region) }
  }

  @Test("a customer number has 1 to 64 printable characters and a source")
  func customerNumbers() throws {
    #expect(throws: Never.self) { try CustomerNumber.canonical(String(repeating: "9", count: 64)) }
    #expect(throws: IdentifierRefusal.customerNumberTooLong) {
      try CustomerNumber.canonical(String(repeating: "9", count: 65))
    }
    #expect(throws: IdentifierRefusal.customerNumberSource) {
      try CustomerNumber.canonicalSource("")
    }
  }
}
