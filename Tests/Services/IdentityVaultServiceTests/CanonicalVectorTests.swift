internal import Foundation
internal import IdentityVaultService
internal import PrivacyCore
internal import Testing
internal import VaultAPI

@Suite("The published vectors of canonical forms")
struct CanonicalVectorTests {
  private struct File: Decodable {
    struct Entry: Decodable {
      let input: String
      var qualifier: String?
      var canonical: String?
    }
    let vectors: [Entry]
    let refused: [Entry]
  }

  private struct PhoneFile: Decodable {
    struct Vector: Decodable {
      let region: String
      let national: String
      let international: String
      let e164: String
    }
    let vectors: [Vector]
  }

  private func read<Content: Decodable>(_ path: String) throws -> Content {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Vectors")
    return try JSONDecoder().decode(
      Content.self, from: Data(contentsOf: folder.appending(path: path)))
  }

  private func canonical(
    _ entry: File.Entry, _ profile: CanonicalProfile
  ) throws(IdentifierRefusal) -> String {
    let kind: IdentifierKind =
      switch profile {
      case .phoneE164V1: .phone
      case .customerNumberV1: .customerNumber
      default: .email
      }
    let canonical = try CanonicalIdentifier(
      Identifier(kind: kind, value: entry.input, qualifier: entry.qualifier ?? ""),
      emailProfile: kind == .email ? profile : .emailV1)
    return String(decoding: canonical.value, as: UTF8.self)
  }

  @Test("every profile has its file, and gives what is in it", arguments: CanonicalProfile.allCases)
  func vectors(profile: CanonicalProfile) async throws {
    let name = profile.rawValue.replacing("/", with: "-")
    let file: File = try read("canonicalisation/\(name).json")
    #expect(file.vectors.count >= 4)
    for entry in file.vectors {
      await Task.yield()
      let expected = try #require(entry.canonical)
      do throws(IdentifierRefusal) {
        let text = try canonical(entry, profile)
        // Swift compares texts by what they mean; here each byte counts.
        #expect(Array(text.utf8) == Array(expected.utf8), "\(entry)")
      } catch {
        Issue.record("\(entry): \(error)")
      }
    }
    for entry in file.refused {
      await Task.yield()
      do throws(IdentifierRefusal) {
        let text = try canonical(entry, profile)
        Issue.record("\(entry) became \(text)")
      } catch {
        let isRepeated = entry.input.count > 3 && error.description.contains(entry.input)
        #expect(!isRepeated)
      }
    }
  }

  @Test("libphonenumber's example numbers of every region are read as it reads them, or refused")
  func phones() async throws {
    let file: PhoneFile = try read("pseudonyms/phone_libphonenumber.json")
    #expect(file.vectors.count == 489)
    var refused: [String] = []
    for vector in file.vectors {
      await Task.yield()
      for (text, region) in [(vector.national, vector.region), (vector.international, "")] {
        do throws(IdentifierRefusal) {
          let bytes = try PhoneNumber.canonical(text, region: region)
          #expect(String(decoding: bytes, as: UTF8.self) == vector.e164, "\(vector)")
        } catch {
          refused.append("\(vector.region) \(text)")
        }
      }
    }
    // Numbers of four digits, and Argentina's mobile prefix.
    #expect(Set(refused.map { $0.prefix(2) }) == ["AR", "NU", "TA", "TK"], "\(refused)")
    #expect(refused.count == 9, "\(refused)")
  }
}

@Suite("Canonical forms of identifiers at random")
struct CanonicalPropertyTests {
  /// Letters of which each has one upper and one lower case, by scripts; no sigma, whose lower case
  /// has two forms.
  private static let alphabets: [[Character]] = [
    Array("abcdefghijklmnopqrstuvwxyz0123456789"), Array("äöüéèñçåłőžš"), Array("αβγδεηλώίύ"),
    Array("абвгдйёжя"), Array("例子测试日本"), Array("あがカパ"), Array("ệặộ"),
  ]

  /// Every test has a thread of few: those that measure time must not wait for these.
  private static func letOthersRun(_ round: Int) async {
    if round % 10 == 0 { await Task.yield() }
  }

  private static func word(_ random: inout SplitMix64) -> String {
    let alphabet = alphabets[Int(random.next() % UInt64(alphabets.count))]
    let count = 1 + Int(random.next() % 10)
    return String((0..<count).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] })
  }

  /// An address that is one, in its canonical spelling but for the domain's labels.
  private static func address(_ random: inout SplitMix64) -> String {
    let local = word(&random) + ["", ".", "+", "-"][Int(random.next() % 4)] + word(&random)
    return local + "@" + word(&random) + "." + word(&random) + ".example"
  }

  private static func spelling(_ text: String, _ random: inout SplitMix64) -> String {
    var text = text
    if random.next() % 2 == 0 { text = text.decomposedStringWithCanonicalMapping }
    text = String(
      text.map { random.next() % 2 == 0 ? Character(String($0).uppercased()) : $0 })
    if random.next() % 2 == 0 { text = text.decomposedStringWithCanonicalMapping }
    let blanks = ["", " ", "\t", "\u{A0}", "\u{3000}", "\r\n"]
    return blanks[Int(random.next() % 6)] + text + blanks[Int(random.next() % 6)]
  }

  @Test("all spellings of an address have one form, which is its own", arguments: [1, 2, 3])
  func emailSpellings(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    for round in 0..<4_000 {
      await Self.letOthersRun(round)
      let address = Self.address(&random)
      let canonical = try EmailAddress.canonical(address, profile: .emailV1)
      let text = String(decoding: canonical, as: UTF8.self)
      #expect(try EmailAddress.canonical(text, profile: .emailV1) == canonical, "\(address)")
      let spelling = Self.spelling(address, &random)
      #expect(
        try EmailAddress.canonical(spelling, profile: .emailV1) == canonical, "\(spelling)")
    }
  }

  @Test("whatever is accepted is its own form, in every e-mail profile", arguments: [4, 5])
  func idempotent(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let parts = [
      "@", ".", "\"", "\\", " ", "a", "Ab", "é", "E\u{301}", "İ", "Σ", "ß", "ẞ", "x.example",
    ]
    var acceptedCount = 0
    for round in 0..<5_000 {
      await Self.letOthersRun(round)
      let text =
        (0..<(1 + random.next() % 12)).map { _ in
          parts[Int(random.next() % UInt64(parts.count))]
        }.joined() + (random.next() % 2 == 0 ? "@b.example" : "")
      for profile in CanonicalProfile.emailProfiles {
        guard let once = try? EmailAddress.canonical(text, profile: profile) else { continue }
        acceptedCount += 1
        let again = String(decoding: once, as: UTF8.self)
        #expect(
          try EmailAddress.canonical(again, profile: profile) == once, "\(profile) \(text)")
      }
    }
    #expect(acceptedCount > 5_000)
  }

  @Test("any bytes at all are refused or have a form of their own", arguments: [6, 7])
  func arbitrary(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    for round in 0..<10_000 {
      await Self.letOthersRun(round)
      let bytes = (0..<Int(random.next() % 24)).map { _ in
        UInt8(truncatingIfNeeded: random.next())
      }
      let text = String(decoding: bytes, as: UTF8.self) + "@b.example"
      if let once = try? EmailAddress.canonical(text, profile: .emailV1) {
        let again = String(decoding: once, as: UTF8.self)
        #expect(try EmailAddress.canonical(again, profile: .emailV1) == once)
      }
      if let once = try? PhoneNumber.canonical(text, region: "DE") {
        #expect(once.first == UInt8(ascii: "+"))
      }
    }
  }

  @Test("separators do not change a phone number, and its form is its own", arguments: [8, 9])
  func phones(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let separators = [" ", "-", ".", "/", "\u{A0}", "\u{2011}", ""]
    for round in 0..<5_000 {
      await Self.letOthersRun(round)
      let digits = (0..<(8 + Int(random.next() % 3))).map { _ in "\(random.next() % 10)" }
      let plain = "0" + "\(1 + random.next() % 9)" + digits.joined()
      let spread = plain.map {
        "\($0)" + separators[Int(random.next() % UInt64(separators.count))]
      }.joined()
      let canonical = try PhoneNumber.canonical(plain, region: "DE")
      #expect(try PhoneNumber.canonical(" " + spread, region: "de") == canonical)
      let text = String(decoding: canonical, as: UTF8.self)
      #expect(try PhoneNumber.canonical(text, region: "") == canonical)
    }
  }

  @Test("a customer number's form is its own", arguments: [10])
  func customerNumbers(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    for round in 0..<10_000 {
      await Self.letOthersRun(round)
      let characters = (0..<(1 + random.next() % 62)).map { _ in
        Character(Unicode.Scalar(UInt8(0x21 + random.next() % 0x5E)))
      }
      let canonical = try CustomerNumber.canonical(" " + String(characters) + "\t")
      let text = String(decoding: canonical, as: UTF8.self)
      #expect(try CustomerNumber.canonical(text) == canonical)
      #expect(try CustomerNumber.canonical(text.lowercased()) == canonical)
    }
  }
}

@Suite("Pseudonym domains")
struct DomainLinkageTests {
  @Test("pids of the same people in two domains have no more bits in common than chance gives")
  func unlinkable() async throws {
    var configuration = IdentityVaultConfiguration()
    configuration.domains = ["shop", "newsletter"]
    configuration.obliviousDomains = ["acme"]
    try await VaultFixture.run(configuration: configuration) { fixture async throws in
      let people = (0..<500).map { email("person\($0)@example.com") }
      var pids: [[[UInt8]]] = []
      for domain in ["shop", "newsletter", "acme"] {
        pids.append(
          try await fixture.pseudonymize(people, domain: domain, create: false).map(\.pid))
      }
      #expect(Set(pids.joined()).count == 3 * people.count)
      for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        let equalBits = zip(pids[one], pids[other]).map { left, right in
          256 - zip(left, right).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
        }
        // 500 pids of 256 bits: the mean is 128 with a deviation of 0.36; six of them are allowed.
        let mean = Double(equalBits.reduce(0, +)) / Double(equalBits.count)
        #expect(abs(mean - 128) < 2.2)
        // Nobody is closer to the own pid than to a neighbour's as often as not.
        let hits = people.indices.count { index in
          let neighbour = pids[other][(index + 1) % people.count]
          let distance = { (right: [UInt8]) in
            zip(pids[one][index], right).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
          }
          return distance(pids[other][index]) < distance(neighbour)
        }
        #expect((170...310).contains(hits))
      }
    }
  }
}
