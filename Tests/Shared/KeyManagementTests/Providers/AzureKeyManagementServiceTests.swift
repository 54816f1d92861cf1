import Cryptography
import Foundation
import KeyManagement
import PrivacyCore
import Synchronization
import TestSupport
import Testing

@Suite("The azure-keyvault provider")
struct AzureKeyManagementServiceTests {
  private func withAzure(
    current: Origin = Origin(AzureDouble.version),
    _ body: (
      FaultProxy, _ open: (String) throws -> any KeyManagementService, _ origin: String
    ) async throws -> Void
  ) async throws {
    let proxy = FaultProxy()
    let origin = Origin()
    let double = AzureDouble(origin: { origin.text }, current: { current.text })
    let port = try await proxy.start { double.answer($0) }
    origin.set("http://127.0.0.1:\(port)")
    try await withTemporaryDirectory { directory in
      let token = try directory.writePrivate("token", AzureDouble.token)
      try await body(
        proxy,
        {
          try openProvider(
            "azure-keyvault:\(origin.text)/keys/\($0)?token-file=\(token.path())")
        }, origin.text)
    }
    await proxy.stop()
  }

  private final class Origin: Sendable {
    private let value: Mutex<String>
    init(_ text: String = "") { value = Mutex(text) }
    var text: String { value.withLock { $0 } }
    func set(_ text: String) { value.withLock { $0 = text } }
  }

  @Test("it keeps the promises of every provider")
  func conformance() async throws {
    try await withAzure { _, open, _ in
      try await checkConformance(of: open("a"), sameRoot: open("a"), otherRoot: open("b"))
    }
  }

  @Test("it sends what Azure documents, and unwraps with the version that wrapped")
  func exchange() async throws {
    try await withAzure { proxy, open, origin in
      let service = try open("root")
      let wrapped = try await service.wrap(SecretBytes(copying: Sample.key), context: ["a": "b"])
      #expect(wrapped.rootKeyName == "\(origin)/keys/root/\(AzureDouble.version)")
      _ = try await service.unwrap(wrapped, context: ["a": "b"])
      #expect(
        proxy.received.map(\.target) == [
          "/keys/root/wrapkey?api-version=7.4",
          "/keys/root/\(AzureDouble.version)/unwrapkey?api-version=7.4",
        ])
      let body = try #require(proxy.received.first).text
      #expect(
        body.wholeMatch(of: /\{"alg":"RSA-OAEP-256","value":"[A-Za-z0-9_-]{43}"\}/) != nil)
      #expect(!body.contains(Base64URL.encode(Sample.key)), "the key itself is not sent")

      var other = wrapped
      for name in [
        "\(origin)/keys/other/\(AzureDouble.version)", "\(origin)/keys/root",
        "\(origin)/keys/root/", "\(origin)/keys/root/a/b",
      ] {
        other.rootKeyName = name
        let error = await keyManagementError {
          _ = try await service.unwrap(other, context: ["a": "b"])
        }
        #expect(
          error
            == .otherProvider(
              wrappedBy: "azure-keyvault \(name)",
              available: "azure-keyvault \(origin)/keys/root"))
      }
      #expect(proxy.requestCount == 2)
    }
  }

  @Test("after a rotation in the vault old keys unwrap, and a rewrap leaves the old version behind")
  func rotation() async throws {
    let current = Origin(AzureDouble.version)
    try await withAzure(current: current) { _, open, _ in
      try await withTemporaryDirectory { directory in
        let service = try open("root")
        let keys = try await ServiceKeys.open(
          service: "vault", directory: directory, kms: service)
        let code = try keys.hmacKey(purpose: "index").authenticate([1])
        current.set(AzureDouble.nextVersion)
        try await keys.addVersion()
        let file = directory.appending(path: ServiceKeys.fileName)
        #expect(try file.text().contains("/root/\(AzureDouble.version)\""))
        #expect(try file.text().contains("/root/\(AzureDouble.nextVersion)\""))
        try await ServiceKeys.rewrap(
          service: "vault", directory: directory, from: service, to: service)
        #expect(try !file.text().contains(AzureDouble.version))
        let again = try await ServiceKeys.open(
          service: "vault", directory: directory, kms: service)
        #expect(try again.hmacKey(purpose: "index").authenticate([1]) == code)
        #expect(again.currentVersion == 2)
      }
    }
  }

  @Test(
    "each answer that is not one is said plainly, and only what may pass is tried again",
    arguments: [
      (403, "Forbidden", "ForbiddenByPolicy", "does not let this caller in: ForbiddenByPolicy"),
      (401, "Unauthorized", nil, "does not let this caller in: Unauthorized"),
      (403, "Forbidden", "KeyDisabled", "cannot be used: KeyDisabled"),
      (404, "KeyNotFound", nil, "cannot be used: KeyNotFound"),
      (409, "Conflict", "ObjectIsDeletedButRecoverable", "ObjectIsDeletedButRecoverable"),
      (400, "BadParameter", nil, "the wrapped key was changed"),
      (405, "MethodNotAllowed", nil, "answered what it never should: unwrapkey"),
    ] as [(Int, String, String?, String)])
  func failures(status: Int, code: String, inner: String?, expected: String) async throws {
    try await withAzure { proxy, open, _ in
      let service = try open("root")
      let wrapped = try await service.wrap(
        SecretBytes(copying: Sample.key), context: Sample.context)
      proxy.spoil([AzureDouble.failure(status, code, inner: inner)])
      let error = await keyManagementError {
        _ = try await service.unwrap(wrapped, context: Sample.context)
      }
      let text = try #require(error).description
      #expect(text.contains(expected), "\(text)")
      #expect(!text.contains("their own words"))
      #expect(proxy.requestCount == 2)
      proxy.spoil([AzureDouble.failure(429, "Throttled"), .json(503, ""), .cut])
      let key = try await service.unwrap(wrapped, context: Sample.context)
      #expect(key.byteCount == 32)
      #expect(proxy.requestCount == 6)
    }
  }

  @Test("without a token file the machine's own token is asked for")
  func metadata() async throws {
    let proxy = FaultProxy()
    let origin = Origin()
    let double = AzureDouble(origin: { origin.text })
    let port = try await proxy.start { double.answer($0) }
    origin.set("http://127.0.0.1:\(port)")
    let metadata = LoopbackHTTPServer { received in
      guard received.headers["metadata"] == "true" else { return .json(400, "") }
      return .json(
        200,
        #"{"access_token":"\#(AzureDouble.token)","expires_in":"86399","#
          + #""resource":"https://vault.azure.net","token_type":"Bearer"}"#)
    }
    let metadataPort = try await metadata.start()
    let service = try openProvider(
      "azure-keyvault:\(origin.text)/keys/root"
        + "?metadata-endpoint=http://127.0.0.1:\(metadataPort)")
    for _ in 0..<2 { _ = try await service.wrap(SecretBytes(copying: [1]), context: [:]) }
    #expect(
      metadata.received.map(\.target) == [
        "/metadata/identity/oauth2/token?api-version=2018-02-01"
          + "&resource=https%3A%2F%2Fvault.azure.net"
      ])
    await metadata.stop()
    await proxy.stop()
  }

  @Test(
    "a setting that is not complete says what is missing",
    arguments: [
      ("azure-keyvault:https://v.vault.azure.net/keys/k/0698c2156c1a4e1da5b6", "without a version"),
      ("azure-keyvault:https://v.vault.azure.net/secrets/k", "the key is https://NAME"),
      ("azure-keyvault:http://v.vault.azure.net/keys/k", "the key is https://NAME"),
      ("azure-keyvault:https://v.vault.azure.net/keys/a_b", "the key is https://NAME"),
      (
        "azure-keyvault:https://v.vault.azure.net/keys/k?tokenfile=x", "has no option \"tokenfile\""
      ),
    ])
  func settings(text: String, expected: String) async {
    let error = await keyManagementError { _ = try openProvider(text) }
    guard case .setting(let text)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(text.contains(expected), "\(text)")
  }
}
