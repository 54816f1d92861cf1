internal import Foundation
internal import KeyManagement
internal import Pipeline
internal import ServiceKit
internal import TestSupport
internal import Testing

@Suite("Checking a KMS and making root keys")
struct KeyManagementCheckTests {
  @Test("a root key is made once, and the check wraps and unwraps with it")
  func createAndCheck() async throws {
    try await withTemporaryDirectory { directory in
      let setting = "file:\(directory.path())/root.json"
      await #expect(throws: KeyManagementError.missing(path: "\(directory.path())/root.json")) {
        _ = try await KeyManagementCheck.run(Reading.keyManagementService(setting))
      }
      try await KeyManagementCheck.createRootKey(setting)
      #expect(try await KeyManagementCheck.run(Reading.keyManagementService(setting)) >= 0)
      await #expect(throws: KeyManagementError.exists(path: "\(directory.path())/root.json")) {
        try await KeyManagementCheck.createRootKey(setting)
      }
    }
  }

  @Test("keys that only a vendor makes are not made here")
  func vendors() async {
    await #expect(
      throws: KeyManagementError.setting(
        "root keys of \"aws-kms\" are made with its vendor's own tools")
    ) { try await KeyManagementCheck.createRootKey("aws-kms:arn") }
  }
}
