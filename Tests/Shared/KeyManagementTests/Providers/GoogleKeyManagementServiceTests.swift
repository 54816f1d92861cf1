import Cryptography
import Foundation
import KeyManagement
import PrivacyCore
import TestSupport
import Testing

@testable import KeyManagementProviders

@Suite("The gcp-kms provider")
struct GoogleKeyManagementServiceTests {
  private static let key = "projects/p/locations/europe-west1/keyRings/tacit/cryptoKeys"

  private func withGoogle(
    deadlineMs: Int = 10_000,
    _ body: (FaultProxy, _ open: (String) throws -> any KeyManagementService) async throws -> Void
  ) async throws {
    let proxy = FaultProxy()
    let double = GoogleDouble()
    let port = try await proxy.start { double.answer($0) }
    try await withTemporaryDirectory { directory in
      let token = try directory.writePrivate("token", GoogleDouble.token)
      try await body(proxy) {
        try openProvider(
          "gcp-kms:\(Self.key)/\($0)?endpoint=http://127.0.0.1:\(port)&token-file=\(token.path())",
          .quick(deadlineMs: deadlineMs))
      }
    }
    await proxy.stop()
  }

  @Test("it keeps the promises of every provider")
  func conformance() async throws {
    try await withGoogle { _, open in
      try await checkConformance(of: open("a"), sameRoot: open("a"), otherRoot: open("b"))
    }
  }

  @Test("CRC-32C is that of RFC 3720, appendix B.4")
  func crc() {
    #expect(CRC32C.value(of: Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.value(of: [UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.value(of: [UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.value(of: (0..<32).map { UInt8($0) }) == 0x46DD_794E)
  }

  @Test("it sends what Google documents and reads its documented answers")
  func exchange() async throws {
    try await withGoogle { proxy, open in
      let service = try open("root")
      proxy.spoil([
        .json(
          200,
          #"{"name":"\#(Self.key)/root/cryptoKeyVersions/3","ciphertext":"AQID","#
            + #""ciphertextCrc32c":"\#(CRC32C.value(of: [1, 2, 3]))","#
            + #""verifiedPlaintextCrc32c":true,"#
            + #""verifiedAdditionalAuthenticatedDataCrc32c":true,"#
            + #""protectionLevel":"SOFTWARE"}"#),
        .json(
          200,
          #"{"plaintext":"CQ==","plaintextCrc32c":"\#(CRC32C.value(of: [9]))","#
            + #""usedPrimary":false,"protectionLevel":"SOFTWARE"}"#),
      ])
      let wrapped = try await service.wrap(SecretBytes(copying: [9]), context: ["a": "b"])
      #expect(wrapped.ciphertext == [1, 2, 3])
      _ = try await service.unwrap(wrapped, context: ["a": "b"])
      let context = FieldEncodingBytes.ofAToB
      let crc = CRC32C.value(of: context)
      #expect(
        proxy.received.map(\.target) == [
          "/v1/\(Self.key)/root:encrypt", "/v1/\(Self.key)/root:decrypt",
        ])
      #expect(
        proxy.received.map(\.text) == [
          #"{"additionalAuthenticatedData":"\#(Base64.encode(context))","#
            + #""additionalAuthenticatedDataCrc32c":"\#(crc)","plaintext":"CQ==","#
            + #""plaintextCrc32c":"\#(CRC32C.value(of: [9]))"}"#,
          #"{"additionalAuthenticatedData":"\#(Base64.encode(context))","#
            + #""additionalAuthenticatedDataCrc32c":"\#(crc)","ciphertext":"AQID","#
            + #""ciphertextCrc32c":"\#(CRC32C.value(of: [1, 2, 3]))"}"#,
        ])
    }
  }

  @Test("bytes that were damaged on the way are asked for again")
  func integrity() async throws {
    try await withGoogle(deadlineMs: 4_000) { proxy, open in
      let service = try open("root")
      let name = "\(Self.key)/root/cryptoKeyVersions/1"
      func encrypted(crc: UInt32, verified: String) -> LoopbackHTTPServer.Answer {
        .json(
          200,
          #"{"name":"\#(name)","ciphertext":"AQID","ciphertextCrc32c":"\#(crc)"\#(verified)}"#)
      }
      let both =
        #","verifiedPlaintextCrc32c":true,"verifiedAdditionalAuthenticatedDataCrc32c":true"#
      let right = CRC32C.value(of: [1, 2, 3])
      proxy.spoil([
        encrypted(crc: right ^ 1, verified: both), encrypted(crc: right, verified: ""),
        encrypted(crc: right, verified: #","verifiedPlaintextCrc32c":true"#),
        encrypted(crc: right, verified: both),
        .json(200, #"{"plaintext":"CQ==","plaintextCrc32c":"1"}"#),
        .json(200, #"{"plaintext":"CQ==","plaintextCrc32c":"\#(CRC32C.value(of: [9]))"}"#),
      ])
      let wrapped = try await service.wrap(SecretBytes(copying: [9]), context: [:])
      #expect(proxy.requestCount == 4)
      _ = try await service.unwrap(wrapped, context: [:])
      #expect(proxy.requestCount == 6)
      proxy.spoilAll(.json(200, #"{"plaintext":"CQ==","plaintextCrc32c":"1"}"#))
      let error = await keyManagementError {
        _ = try await service.unwrap(wrapped, context: [:])
      }
      #expect(try #require(error).description.contains("the bytes were damaged on the way ("))
    }
  }

  @Test(
    "each answer that is not one is said plainly, and only what may pass is tried again",
    arguments: [
      (403, "PERMISSION_DENIED", "does not let this caller in: PERMISSION_DENIED"),
      (401, "UNAUTHENTICATED", "does not let this caller in: UNAUTHENTICATED"),
      (404, "NOT_FOUND", "cannot be used: NOT_FOUND"),
      (400, "FAILED_PRECONDITION", "cannot be used: FAILED_PRECONDITION"),
      (400, "INVALID_ARGUMENT", "the wrapped key was changed"),
      (400, "OUT_OF_RANGE", "answered what it never should: decrypt: OUT_OF_RANGE"),
    ])
  func failures(status: Int, code: String, expected: String) async throws {
    try await withGoogle { proxy, open in
      let service = try open("root")
      let wrapped = try await service.wrap(
        SecretBytes(copying: Sample.key), context: Sample.context)
      proxy.spoil([GoogleDouble.failure(status, code)])
      let error = await keyManagementError {
        _ = try await service.unwrap(wrapped, context: Sample.context)
      }
      let text = try #require(error).description
      #expect(text.contains(expected), "\(text)")
      #expect(!text.contains("their own words"))
      #expect(proxy.requestCount == 2)
      proxy.spoil([
        GoogleDouble.failure(429, "RESOURCE_EXHAUSTED"), GoogleDouble.failure(503, "UNAVAILABLE"),
        .json(502, "<html>"), .cutInside,
      ])
      let key = try await service.unwrap(wrapped, context: Sample.context)
      #expect(key.byteCount == 32)
      #expect(proxy.requestCount == 7)
    }
  }

  @Test("without a token file the machine's own token is asked for, and kept until it ends")
  func metadata() async throws {
    let proxy = FaultProxy()
    let double = GoogleDouble()
    let port = try await proxy.start { double.answer($0) }
    let metadata = LoopbackHTTPServer { received in
      guard received.headers["metadata-flavor"] == "Google" else { return .json(403, "") }
      return .json(
        200,
        #"{"access_token":"\#(GoogleDouble.token)","expires_in":3599,"token_type":"Bearer"}"#)
    }
    let metadataPort = try await metadata.start()
    let time = ManualTime()
    var environment = ProviderEnvironment.quick()
    environment.time = time
    let service = try openProvider(
      "gcp-kms:\(Self.key)/root?endpoint=http://127.0.0.1:\(port)"
        + "&metadata-endpoint=http://127.0.0.1:\(metadataPort)", environment)
    for _ in 0..<3 { _ = try await service.wrap(SecretBytes(copying: [1]), context: [:]) }
    #expect(metadata.received.count == 1)
    #expect(
      metadata.received.first?.target
        == "/computeMetadata/v1/instance/service-accounts/default/token")
    time.advance(microseconds: 3_538_000_000)
    _ = try await service.wrap(SecretBytes(copying: [1]), context: [:])
    #expect(metadata.received.count == 1)
    time.advance(microseconds: 1_000_000)
    _ = try await service.wrap(SecretBytes(copying: [1]), context: [:])
    #expect(metadata.received.count == 2, "a token is not used in its last minute")
    await metadata.stop()
    await proxy.stop()
  }

  @Test(
    "a setting that is not complete says what is missing",
    arguments: [
      ("gcp-kms:my-key?token-file=x", "the key is projects/P/locations/L"),
      ("gcp-kms:projects/p/locations/l/keyRings/r/cryptoKeys/?token-file=x", "the key is"),
      ("gcp-kms:projects/p/locations/l/keyRings/r/cryptoKeys/a b?token-file=x", "the key is"),
      ("gcp-kms:KEY?endpoint=http://kms.example", "gcp-kms: endpoint is https://host:port"),
      ("gcp-kms:KEY?metadata-endpoint=http://10.0.0.1", "is no metadata service"),
    ])
  func settings(text: String, expected: String) async {
    let error = await keyManagementError {
      _ = try openProvider(text.replacing("KEY", with: Self.key + "/k"))
    }
    guard case .setting(let text)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(text.contains(expected), "\(text)")
  }
}

/// Contexts as they are bound, written out by hand.
enum FieldEncodingBytes {
  static let ofAToB: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 1, 0x61, 0, 0, 0, 1, 0x62]
}
