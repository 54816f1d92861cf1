internal import Cryptography
internal import Foundation
internal import IdentityVaultService
internal import KeyManagement
internal import PrivacyCore
internal import TestSupport
internal import Testing

@Suite("The file of the key tree")
struct CoverFileTests {
  private static let store = [UInt8](repeating: 5, count: 16)

  private struct Place {
    let directory: URL
    var url: URL { directory.appending(path: CoverFile.fileName) }

    func keys(of service: String = "vault") async throws -> ServiceKeys {
      try await ServiceKeys.open(
        service: service, directory: directory.appending(path: service), kms: VaultFixture.kms())
    }

    func file(
      service: String = "vault", store: [UInt8] = CoverFileTests.store,
      nodeCountMax: Int = CoverFile.nodeCountMax
    ) async throws -> CoverFile {
      CoverFile(
        at: url, store: store, keys: try await keys(of: service).wrapper, random: SystemRandom(),
        nodeCountMax: nodeCountMax)
    }

    /// A file of epoch 1 without some slots.
    func make(destroyed: [UInt32] = [3, 70_000]) async throws -> CoverFile.Content {
      let file = try await file()
      let content = CoverFile.Content(
        epoch: 1, slotLimit: 100_000,
        cover: try KeyTreeCover(random: SystemRandom()).destroying(destroyed, KeyTreeStep()))
      try await file.create(content, under: file.makeKey(epoch: 1))
      return content
    }

    func spoil(_ change: (inout [UInt8]) -> Void) throws {
      var bytes = [UInt8](try Data(contentsOf: url))
      change(&bytes)
      try Data(bytes).write(to: url)
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o600], ofItemAtPath: url.path)
    }

    func names() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: directory.path).filter {
        $0.contains("epoch")
      }
    }
  }

  private func withPlace(_ body: (Place) async throws -> Void) async throws {
    try await withTemporaryDirectory { try await body(Place(directory: $0)) }
  }

  private func expect(_ found: CoverFile.Content?, _ content: CoverFile.Content) throws {
    let found = try #require(found)
    #expect(found.epoch == content.epoch)
    #expect(found.slotLimit == content.slotLimit)
    #expect(found.cover.places == content.cover.places)
    for index in content.cover.places.indices {
      let key = content.cover.withKey(index) { Array($0) }
      #expect(found.cover.withKey(index) { Array($0) } == key)
    }
  }

  @Test("what was written is read, by its owner only")
  func roundTrip() async throws {
    try await withPlace { place in
      #expect(try await place.file().read() == nil)
      let content = try await place.make()
      try expect(try await place.file().read(), content)
      let mode = try FileManager.default.attributesOfItem(atPath: place.url.path)[.posixPermissions]
      #expect(mode as? Int == 0o600)
      // No node lies in it in the open.
      let bytes = try Data(contentsOf: place.url)
      for index in content.cover.places.indices {
        let key = content.cover.withKey(index) { Data($0) }
        #expect(bytes.range(of: key) == nil)
      }
    }
  }

  @Test("a cover of more nodes than one piece holds is read as it was")
  func pieces() async throws {
    try await withPlace { place in
      let slots = (0..<65_537).map { UInt32($0) * 2 }
      let content = try await place.make(destroyed: slots)
      #expect(content.cover.places.count > 65_536)
      let found = try await place.file().read()
      #expect(found?.cover.places == content.cover.places)
    }
  }

  @Test("a new epoch takes the place of the old one, whose bytes are overwritten")
  func replace() async throws {
    try await withPlace { place in
      let content = try await place.make()
      let file = try await place.file()
      _ = try await file.read()
      // What still has the old file open sees zeros.
      let old = try FileHandle(forReadingFrom: place.url)
      let next = CoverFile.Content(
        epoch: 2, slotLimit: 200_000,
        cover: try content.cover.destroying([9], KeyTreeStep()))
      try await file.replace(next, under: file.makeKey(epoch: 2))
      let rest = try #require(try old.readToEnd())
      #expect(!rest.isEmpty && rest.allSatisfy { $0 == 0 })
      try expect(try await place.file().read(), next)
      #expect(try place.names() == [CoverFile.fileName])
    }
  }

  @Test("a file that somebody else has replaced is not replaced")
  func changedElsewhere() async throws {
    try await withPlace { place in
      let content = try await place.make()
      let one = try await place.file()
      let other = try await place.file()
      _ = try await one.read()
      _ = try await other.read()
      let next = CoverFile.Content(epoch: 2, slotLimit: 100_000, cover: content.cover)
      try await one.replace(next, under: one.makeKey(epoch: 2))
      await #expect(
        throws: CoverFileError.keys(.changedElsewhere(path: place.url.path))
      ) {
        try await other.replace(next, under: other.makeKey(epoch: 2))
      }
      await #expect(throws: CoverFileError.keys(.exists(path: place.url.path))) {
        try await one.create(next, under: one.makeKey(epoch: 2))
      }
      // The first can go on.
      let third = CoverFile.Content(epoch: 3, slotLimit: 100_000, cover: content.cover)
      try await one.replace(third, under: one.makeKey(epoch: 3))
    }
  }

  @Test("a file that is cut anywhere is refused")
  func truncated() async throws {
    try await withPlace { place in
      _ = try await place.make()
      let whole = try Data(contentsOf: place.url)
      for byteCount in Array(0..<300) + stride(from: 300, to: whole.count, by: 97)
        + [whole.count - 1]
      where byteCount < whole.count {
        try place.spoil { $0 = Array(whole[..<byteCount]) }
        let error = await #expect(throws: CoverFileError.self, "\(byteCount) bytes") {
          try await place.file().read()
        }
        guard case .damaged = error else {
          Issue.record("\(byteCount) bytes: \(String(describing: error))")
          continue
        }
      }
      try place.spoil { $0 = Array(whole) + [0] }
      await #expect(throws: CoverFileError.self) { try await place.file().read() }
    }
  }

  @Test("a file of which any byte was changed is refused")
  func changed() async throws {
    try await withPlace { place in
      _ = try await place.make()
      let whole = [UInt8](try Data(contentsOf: place.url))
      for index in Array(0..<200) + Array(stride(from: 200, to: whole.count, by: 61)) {
        try place.spoil {
          $0 = whole
          $0[index] ^= 1
        }
        await #expect(throws: CoverFileError.self, "byte \(index)") {
          try await place.file().read()
        }
      }
    }
  }

  @Test("another service's file, another store's, and one that others can read are refused")
  func others() async throws {
    try await withPlace { place in
      _ = try await place.make()
      let path = place.url.path
      await #expect(throws: CoverFileError.otherService(path: path, found: "vault")) {
        try await place.file(service: "features").read()
      }
      await #expect(throws: CoverFileError.otherStore(path: path)) {
        try await place.file(store: [UInt8](repeating: 6, count: 16)).read()
      }
      try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
      await #expect(throws: CoverFileError.keys(.readableByOthers(path: path, mode: 0o640))) {
        try await place.file().read()
      }
    }
  }

  @Test("a newer format is refused with the advice to upgrade")
  func newerFormat() async throws {
    try await withPlace { place in
      _ = try await place.make()
      try place.spoil { $0[9] = 2 }
      await #expect(throws: CoverFileError.newerFormat(path: place.url.path, found: 2)) {
        try await place.file().read()
      }
    }
  }

  @Test("as many nodes as the limit are written and read, and one more is not")
  func limit() async throws {
    try await withPlace { place in
      let content = try await place.make()
      let count = content.cover.places.count
      #expect(try await place.file(nodeCountMax: count).read() != nil)
      await #expect(throws: CoverFileError.self) {
        try await place.file(nodeCountMax: count - 1).read()
      }
      let next = CoverFile.Content(epoch: 2, slotLimit: 1, cover: content.cover)
      let wide = try await place.file(nodeCountMax: count)
      _ = try await wide.read()
      try await wide.replace(next, under: wide.makeKey(epoch: 2))
      let more = CoverFile.Content(
        epoch: 3, slotLimit: 1, cover: try content.cover.destroying([99], KeyTreeStep()))
      await #expect(
        throws: CoverFileError.tooLarge(nodeCount: more.cover.places.count, limit: count)
      ) {
        try await wide.replace(more, under: wide.makeKey(epoch: 3))
      }
    }
  }

  @Test("what a replacement that was cut off left behind is removed")
  func leftovers() async throws {
    try await withPlace { place in
      _ = try await place.make()
      let left = place.directory.appending(path: ".\(CoverFile.fileName).17-0badcafe.tmp")
      let other = place.directory.appending(path: ".other.epoch.17-0badcafe.tmp")
      for url in [left, other] { try Data([1, 2, 3]).write(to: url) }
      let open = try FileHandle(forReadingFrom: left)
      _ = try await place.file().read()
      #expect(!FileManager.default.fileExists(atPath: left.path))
      #expect(FileManager.default.fileExists(atPath: other.path))
      #expect(try open.readToEnd() == Data([0, 0, 0]))
    }
  }

  @Test("moved to another KMS, the file opens with that one only, and can be moved twice")
  func rewrap() async throws {
    try await withPlace { place in
      let content = try await place.make()
      let old = KeyWrapper(service: "vault", kms: try VaultFixture.kms())
      let new = KeyWrapper(
        service: "vault",
        kms: try FileKeyManagementService(
          rootKey: SecretBytes(copying: [UInt8](repeating: 8, count: 32))))
      let other = KeyWrapper(
        service: "vault",
        kms: try FileKeyManagementService(
          rootKey: SecretBytes(copying: [UInt8](repeating: 7, count: 32))))
      for _ in 0..<2 {
        #expect(try await CoverFile.rewrap(at: place.url, from: old, to: new))
        let file = CoverFile(
          at: place.url, store: Self.store, keys: new, random: SystemRandom())
        try expect(try await file.read(), content)
        await #expect(throws: CoverFileError.self) { try await place.file().read() }
      }
      await #expect(throws: CoverFileError.self) {
        try await CoverFile.rewrap(at: place.url, from: old, to: other)
      }
      let nothing = place.directory.appending(path: "none.epoch")
      #expect(try await !CoverFile.rewrap(at: nothing, from: old, to: new))
    }
  }
}
