internal import Cryptography
internal import Foundation
internal import KeyManagement
internal import PrivacyCore
internal import TestSupport
internal import Testing

/// Files as format 1 wrote them. A change that no longer reads them loses everyone's keys. The
/// expected values were computed a second time with Python's `cryptography` package.
@Suite("Formats on disk")
struct FormatTests {
  private static let plainRootKey = """
    {
      "content" : {
        "created_at" : "2026-01-10T12:34:56Z",
        "key" : "nTCAI31k9VChE2t60lwqQ20Sm24wvlaj8G0uJ5liLoE"
      },
      "format" : 1,
      "kind" : "tacit-root-key"
    }
    """

  private static let sealedRootKey = """
    {
      "content" : {
        "created_at" : "2026-01-10T12:34:56Z",
        "scrypt" : {
          "block_size" : 1,
          "parallelism" : 1,
          "salt" : "KgayTduYDPVgr_EJrk7wKQ",
          "work_log2" : 4
        },
        "sealed_key" : "AQAAAAAdDL3qS4oSgvYyZen47wU7W72vNMlVji8Z81auawdALUgQIWDQ6k_RJcgVzuW1iRfxu6uk\
    ue21xTkxQqk"
      },
      "format" : 1,
      "kind" : "tacit-root-key"
    }
    """

  private static let serviceKeys = """
    {
      "content" : {
        "created_at" : "2026-01-10T12:34:56Z",
        "service" : "consent",
        "versions" : [
          {
            "created_at" : "2026-01-10T12:34:56Z",
            "provider" : "file",
            "root_key_name" : "e366321e9c5a6a16",
            "state" : "retired",
            "version" : 1,
            "wrapped_key" : "AQAAAADFvg757MBaiIw1JQk4Xpmnpz89wo78qpuL8Ok00Q5y9l_4szhyOzO02Kyb8yzdBD_3\
    yH9Kra4UocqnaEQ"
          },
          {
            "created_at" : "2026-01-10T12:34:56Z",
            "provider" : "file",
            "root_key_name" : "e366321e9c5a6a16",
            "state" : "active",
            "version" : 2,
            "wrapped_key" : "AQAAAADFvg757cBaiIw1JQkpcmS4ZvMYaXcxJZTh2C6UR2S9rZb6gEGLaeSS66p2851Oyc5O\
    gSPHff1V7BaFtVM"
          }
        ]
      },
      "format" : 1,
      "kind" : "tacit-service-keys"
    }
    """

  @Test("a root key in the open and the keys of a service still open")
  func plain() async throws {
    try await withTemporaryDirectory { directory in
      let rootKey = try directory.writePrivate("root.key", Self.plainRootKey)
      _ = try directory.writePrivate(ServiceKeys.fileName, Self.serviceKeys)
      let kms = try FileKeyManagementService.open(at: rootKey)
      #expect(kms.rootKeyName == "e366321e9c5a6a16")
      let keys = try await ServiceKeys.open(service: "consent", directory: directory, kms: kms)
      #expect(keys.currentVersion == 2)
      let key = try keys.hmacKey(
        purpose: "pseudonym.email-v1", tenant: "acme", domain: "crm", version: 2)
      #expect(
        Hexadecimal.encode(try key.authenticate([1, 2, 3]))
          == "708fc4081da689bc756f36668226701a803fccec5835905d5a6acce559fe6121")
    }
  }

  @Test("a root key under a passphrase still opens")
  func sealed() async throws {
    try await withTemporaryDirectory { directory in
      let rootKey = try directory.writePrivate("root.key", Self.sealedRootKey)
      #expect(throws: Never.self) {
        _ = try FileKeyManagementService.open(
          at: rootKey, passphrase: SecretBytes(copying: "correct horse".utf8))
      }
    }
  }

  @Test("what is written today is what format 1 is")
  func written() async throws {
    try await withTemporaryDirectory { directory in
      let url = directory.appending(path: "root.key")
      _ = try FileKeyManagementService.create(
        at: url, random: SeededRandom(seed: 11), time: ManualTime())
      #expect(try url.text() == Self.plainRootKey + "\n")
    }
  }
}
