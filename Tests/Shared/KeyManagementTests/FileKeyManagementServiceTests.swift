internal import Cryptography
internal import Foundation
internal import KeyManagement
internal import PrivacyCore
internal import TestSupport
internal import Testing

@Suite("The file provider")
struct FileKeyManagementServiceTests {
  private static func passphrase(_ text: String = "correct horse") -> SecretBytes {
    SecretBytes(copying: text.utf8)
  }

  /// Cheap, for a test does not guard anything.
  private static func cheapCost() throws -> ScryptCost {
    try ScryptCost(workLog2: 4, blockSize: 1, parallelism: 1)
  }

  @Test("it keeps the promises of every provider")
  func conformance() async throws {
    try await withTemporaryDirectory { directory in
      let url = directory.appending(path: "root.key")
      try await checkConformance(
        of: FileKeyManagementService.create(at: url),
        sameRoot: FileKeyManagementService.open(at: url),
        otherRoot: FileKeyManagementService.create(at: directory.appending(path: "other.key")))
    }
  }

  @Test("it keeps them with a passphrase too")
  func sealedConformance() async throws {
    try await withTemporaryDirectory { directory in
      let url = directory.appending(path: "root.key")
      let cost = try Self.cheapCost()
      try await checkConformance(
        of: FileKeyManagementService.create(at: url, passphrase: Self.passphrase(), cost: cost),
        sameRoot: FileKeyManagementService.open(at: url, passphrase: Self.passphrase()),
        otherRoot: FileKeyManagementService(
          rootKey: SecretBytes(random: SeededRandom(seed: 1), count: 32)))
    }
  }

  @Test("a wrong passphrase, none, or one too many: each is said plainly")
  func passphrases() async throws {
    try await withTemporaryDirectory { directory in
      let sealed = directory.appending(path: "sealed.key")
      let plain = directory.appending(path: "plain.key")
      _ = try FileKeyManagementService.create(
        at: sealed, passphrase: Self.passphrase(), cost: Self.cheapCost())
      _ = try FileKeyManagementService.create(at: plain)
      #expect(throws: KeyManagementError.wrongPassphrase(path: sealed.path())) {
        _ = try FileKeyManagementService.open(
          at: sealed, passphrase: Self.passphrase("correct hors"))
      }
      #expect(throws: KeyManagementError.wrongPassphrase(path: sealed.path())) {
        _ = try FileKeyManagementService.open(at: sealed, passphrase: Self.passphrase(""))
      }
      #expect(throws: KeyManagementError.passphraseMissing(path: sealed.path())) {
        _ = try FileKeyManagementService.open(at: sealed)
      }
      #expect(throws: KeyManagementError.passphraseNotUsed(path: plain.path())) {
        _ = try FileKeyManagementService.open(at: plain, passphrase: Self.passphrase())
      }
    }
  }

  @Test("the file is its owner's alone")
  func mode() async throws {
    try await withTemporaryDirectory { directory in
      let url = directory.appending(path: "root.key")
      _ = try FileKeyManagementService.create(at: url)
      #expect(try url.mode() == 0o600)
      #expect(try directory.fileNames() == ["root.key"])
    }
  }

  @Test("a file that others may read is refused", arguments: [0o644, 0o640, 0o604, 0o610, 0o666])
  func readableByOthers(mode: Int) async throws {
    try await withTemporaryDirectory { directory in
      let url = directory.appending(path: "root.key")
      _ = try FileKeyManagementService.create(at: url)
      try url.setMode(mode)
      let expected = KeyManagementError.readableByOthers(path: url.path(), mode: UInt32(mode))
      #expect(throws: expected) { _ = try FileKeyManagementService.open(at: url) }
      #expect(throws: expected) { _ = try FileKeyManagementService.openOrCreate(at: url) }
      #expect(
        "\(expected)"
          == "\(url.path()) is readable by others (mode 0\(String(mode, radix: 8))): "
          + "chmod 600 \(url.path())")
    }
  }

  @Test("a file that only its owner may read opens", arguments: [0o600, 0o400, 0o700])
  func ownersAlone(mode: Int) async throws {
    try await withTemporaryDirectory { directory in
      let url = directory.appending(path: "root.key")
      let made = try FileKeyManagementService.create(at: url)
      try url.setMode(mode)
      #expect(try FileKeyManagementService.open(at: url).rootKeyName == made.rootKeyName)
    }
  }

  @Test("a missing file is said to be missing, an existing one is not overwritten")
  func missingAndExisting() async throws {
    try await withTemporaryDirectory { directory in
      let url = directory.appending(path: "root.key")
      #expect(throws: KeyManagementError.missing(path: url.path())) {
        _ = try FileKeyManagementService.open(at: url)
      }
      let first = try FileKeyManagementService.create(at: url)
      #expect(throws: KeyManagementError.exists(path: url.path())) {
        _ = try FileKeyManagementService.create(at: url)
      }
      #expect(
        try FileKeyManagementService.openOrCreate(at: url).rootKeyName == first.rootKeyName)
      #expect(try directory.fileNames() == ["root.key"])
    }
  }

  @Test("a file that was cut is refused")
  func truncated() async throws {
    try await withTemporaryDirectory { directory in
      let plain = directory.appending(path: "plain.key")
      let sealed = directory.appending(path: "sealed.key")
      _ = try FileKeyManagementService.create(at: plain)
      _ = try FileKeyManagementService.create(
        at: sealed, passphrase: Self.passphrase(), cost: Self.cheapCost())
      for url in [plain, sealed] {
        let whole = try Data(contentsOf: url)
        // The last two bytes are the closing brace and a line feed that JSON does not need.
        for byteCount in stride(from: 0, to: whole.count - 1, by: 5) {
          try whole.prefix(byteCount).write(to: url)
          try #expect(url.isDamaged { _ = try FileKeyManagementService.open(at: $0) })
        }
      }
    }
  }

  @Test(
    "another kind of file is refused",
    arguments: [
      "", "{}", "[]", "null", "a key", #"{"kind":"tacit-root-key"}"#,
      #"{"kind":"tacit-service-keys","format":1,"content":{}}"#,
      #"{"kind":"tacit-root-key","format":1,"content":{"created_at":"x"}}"#,
      #"{"kind":"tacit-root-key","format":1,"content":{"created_at":"x","key":"AAAA"}}"#,
      #"{"kind":"tacit-root-key","format":1,"content":{"created_at":"x","key":"not base64"}}"#,
      #"{"kind":"tacit-root-key","format":0,"content":{"created_at":"x","key":"AAAA"}}"#,
    ])
  func otherKinds(text: String) async throws {
    try await withTemporaryDirectory { directory in
      let url = try directory.writePrivate("root.key", text)
      try #expect(url.isDamaged { _ = try FileKeyManagementService.open(at: $0) })
    }
  }

  @Test("a cost that would take all memory is refused before it is paid")
  func hostileCost() async throws {
    try await withTemporaryDirectory { directory in
      let url = directory.appending(path: "root.key")
      _ = try FileKeyManagementService.create(
        at: url, passphrase: Self.passphrase(), cost: Self.cheapCost())
      let text = try url.text()
      for (found, hostile) in [
        (#""work_log2" : 4"#, #""work_log2" : 40"#), (#""block_size" : 1"#, #""block_size" : 0"#),
        (#""parallelism" : 1"#, #""parallelism" : 1000000"#),
      ] {
        #expect(text.contains(found))
        try Data(text.replacing(found, with: hostile).utf8).write(to: url)
        try #expect(
          url.isDamaged {
            _ = try FileKeyManagementService.open(at: $0, passphrase: Self.passphrase())
          })
      }
    }
  }

  @Test("a file of a newer format asks for an upgrade")
  func newerFormat() async throws {
    try await withTemporaryDirectory { directory in
      let url = try directory.writePrivate(
        "root.key", #"{"kind":"tacit-root-key","format":2,"content":{"new":true}}"#)
      #expect(
        throws: KeyManagementError.newerFormat(path: url.path(), found: 2, supported: 1)
      ) { _ = try FileKeyManagementService.open(at: url) }
    }
  }

  @Test("a directory in the file's place, an endless file and a directory that is missing")
  func oddPlaces() async throws {
    try await withTemporaryDirectory { directory in
      try #expect(directory.isDamaged { _ = try FileKeyManagementService.open(at: $0) })
      let large = try directory.writePrivate(
        "large.key", String(repeating: " ", count: (1 << 20) + 1))
      try #expect(large.isDamaged { _ = try FileKeyManagementService.open(at: $0) })
      let nowhere = directory.appending(path: "nowhere/root.key")
      #expect {
        _ = try FileKeyManagementService.create(at: nowhere)
      } throws: { error in
        guard case .fileSystem(_, "create", _)? = error as? KeyManagementError else { return false }
        return true
      }
    }
  }

  @Test("many that start at once get one root key")
  func concurrentCreation() async throws {
    try await withTemporaryDirectory { directory in
      let url = directory.appending(path: "root.key")
      let names = try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<16 {
          group.addTask { try FileKeyManagementService.openOrCreate(at: url).rootKeyName }
        }
        return try await group.reduce(into: Set()) { $0.insert($1) }
      }
      #expect(names.count == 1)
      #expect(try directory.fileNames() == ["root.key"])
    }
  }

  @Test("no error text holds key bytes")
  func errorTexts() async throws {
    try await withTemporaryDirectory { directory in
      let url = directory.appending(path: "root.key")
      _ = try FileKeyManagementService.create(at: url)
      let text = try url.text()
      let key = try #require(text.firstMatch(of: /"key" : "([^"]+)"/)).output.1
      try Data(text.replacing("\(key)\"", with: "\(key)=\"").utf8).write(to: url)
      #expect {
        _ = try FileKeyManagementService.open(at: url)
      } throws: { error in
        !"\(error)".contains(key) && !String(reflecting: error).contains(key)
      }
    }
  }
}
