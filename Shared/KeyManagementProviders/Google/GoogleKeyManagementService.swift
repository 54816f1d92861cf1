public import Cryptography
internal import Foundation
internal import HTTP
public import KeyManagement
internal import PrivacyCore

/// The `gcp-kms` provider: a symmetric key of Google Cloud KMS, which never leaves it. The context
/// is the additional authenticated data; CRC32C values on both ways show what was damaged on them.
///
///     gcp-kms:projects/P/locations/L/keyRings/R/cryptoKeys/K?token-file=…&endpoint=…&ca-file=…
///
/// Without `token-file` the token is the machine's own, from the metadata service
/// (`metadata-endpoint`).
public struct GoogleKeyManagementService: KeyManagementService {
  public var providerName: String { "gcp-kms" }

  private let keyName: String
  private let token: AccessToken
  private let service: RemoteService

  /// Reads the setting; calls nothing.
  public init(
    _ setting: KeyManagementSetting, environment: ProviderEnvironment
  ) throws(KeyManagementError) {
    try setting.allow("token-file", "endpoint", "metadata-endpoint", "ca-file")
    keyName = setting.place
    let parts = keyName.split(separator: "/", omittingEmptySubsequences: false)
    let fixed = ["projects", "locations", "keyRings", "cryptoKeys"]
    guard parts.count == 8, (0..<4).allSatisfy({ parts[2 * $0] == fixed[$0] }),
      (0..<4).allSatisfy({ Self.isName(parts[2 * $0 + 1]) })
    else {
      throw .setting(
        "gcp-kms: the key is projects/P/locations/L/keyRings/R/cryptoKeys/K, not \"\(keyName)\"")
    }
    guard let address = HTTPAddress(setting["endpoint"] ?? "https://cloudkms.googleapis.com"),
      address.target == "/"
    else { throw .setting("gcp-kms: endpoint is https://host:port, or http:// to this machine") }
    if let path = setting["token-file"] {
      token = .file(URL(filePath: path))
    } else {
      token = .metadata(
        try MetadataToken(
          provider: "gcp-kms",
          endpoint: setting["metadata-endpoint"] ?? "http://metadata.google.internal",
          target: "/computeMetadata/v1/instance/service-accounts/default/token",
          headers: [("Metadata-Flavor", "Google")], environment: environment))
    }
    service = try RemoteService(
      provider: "gcp-kms", address: address, authorityFile: setting["ca-file"],
      environment: environment)
  }

  private static func isName(_ text: Substring) -> Bool {
    (1...63).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
          UInt8(ascii: ":"), UInt8(ascii: "."):
          true
        default: false
        }
      }
  }

  // MARK: - Wrapping

  // JSON has 64-bit integers as texts (Protocol Buffers, "ProtoJSON Format").
  private struct EncryptRequest: Encodable {
    let plaintext: String
    let plaintextCrc32c: String
    let additionalAuthenticatedData: String
    let additionalAuthenticatedDataCrc32c: String
  }

  private struct EncryptReply: Decodable {
    let name: String
    let ciphertext: String
    let ciphertextCrc32c: String
    let verifiedPlaintextCrc32c: Bool?
    let verifiedAdditionalAuthenticatedDataCrc32c: Bool?
  }

  public func wrap(
    _ key: borrowing SecretBytes, context: [String: String]
  ) async throws(KeyManagementError) -> WrappedKey {
    try checkLimits(keyByteCount: key.byteCount, context: context)
    let associatedData = FieldEncoding(context: context).bytes
    let body = try JSONBody.encode(
      EncryptRequest(
        plaintext: unsafe key.withUnsafeBytes { unsafe Base64.encode($0) },
        plaintextCrc32c: unsafe key.withUnsafeBytes { unsafe "\(CRC32C.value(of: $0))" },
        additionalAuthenticatedData: Base64.encode(associatedData),
        additionalAuthenticatedDataCrc32c: "\(CRC32C.value(of: associatedData))"))
    let ciphertext: [UInt8] = try await call("encrypt", body) { (reply: EncryptReply) in
      guard let ciphertext = Base64.decode(reply.ciphertext), !ciphertext.isEmpty,
        reply.name.hasPrefix(keyName + "/cryptoKeyVersions/")
      else { return nil }
      guard reply.verifiedPlaintextCrc32c == true,
        reply.verifiedAdditionalAuthenticatedDataCrc32c == true,
        reply.ciphertextCrc32c == "\(CRC32C.value(of: ciphertext))"
      else { return .again("the bytes were damaged on the way") }
      return .done(ciphertext)
    }
    return WrappedKey(provider: providerName, rootKeyName: keyName, ciphertext: ciphertext)
  }

  private struct DecryptRequest: Encodable {
    let ciphertext: String
    let ciphertextCrc32c: String
    let additionalAuthenticatedData: String
    let additionalAuthenticatedDataCrc32c: String
  }

  private struct DecryptReply: Decodable {
    let plaintext: String
    let plaintextCrc32c: String
  }

  public func unwrap(
    _ wrapped: WrappedKey, context: [String: String]
  ) async throws(KeyManagementError) -> SecretBytes {
    guard wrapped.provider == providerName, wrapped.rootKeyName == keyName else {
      throw .otherProvider(
        wrappedBy: "\(wrapped.provider) \(wrapped.rootKeyName)",
        available: "\(providerName) \(keyName)")
    }
    guard (1...65_536).contains(wrapped.ciphertext.count) else { throw .refused }
    let associatedData = FieldEncoding(context: context).bytes
    let body = try JSONBody.encode(
      DecryptRequest(
        ciphertext: Base64.encode(wrapped.ciphertext),
        ciphertextCrc32c: "\(CRC32C.value(of: wrapped.ciphertext))",
        additionalAuthenticatedData: Base64.encode(associatedData),
        additionalAuthenticatedDataCrc32c: "\(CRC32C.value(of: associatedData))"))
    let key: [UInt8] = try await call("decrypt", body) { (reply: DecryptReply) in
      guard let key = Base64.decode(reply.plaintext), !key.isEmpty else { return nil }
      return reply.plaintextCrc32c == "\(CRC32C.value(of: key))"
        ? .done(key) : .again("the bytes were damaged on the way")
    }
    return SecretBytes(copying: key)
  }

  // MARK: - Calling

  private func call<Reply: Decodable, Value: Sendable>(
    _ operation: String, _ body: [UInt8],
    read: (Reply) -> RemoteService.Verdict<Value>?
  ) async throws(KeyManagementError) -> Value {
    let token = try await token.read()
    return try await service.call { () throws(KeyManagementError) in
      HTTPRequest(
        .post, target: "/v1/\(keyName):\(operation)",
        headers: [
          ("Content-Type", "application/json"), ("Authorization", "Bearer \(token)"),
        ], body: body)
    } judge: { answer in
      guard answer.status == 200 else { return failure(answer, of: operation) }
      let verdict = JSONBody.decode(Reply.self, from: answer.body).flatMap(read)
      return verdict
        ?? .failed(
          .unexpectedAnswer(
            provider: service.name, reason: "\(operation): another key, or no JSON of its form"))
    }
  }

  private struct Failure: Decodable {
    struct Content: Decodable {
      let status: String
    }

    let error: Content
  }

  /// What a status other than 200 means (Google's API design guide, "Errors"): the code in the body
  /// says it, the message is not repeated.
  private func failure<Value>(
    _ answer: HTTPAnswer, of operation: String
  ) -> RemoteService.Verdict<Value> {
    let code =
      JSONBody.decode(Failure.self, from: answer.body)?.error.status ?? "status \(answer.status)"
    switch code {
    case "INVALID_ARGUMENT" where operation == "decrypt":
      return .failed(.refused)
    case "PERMISSION_DENIED", "UNAUTHENTICATED":
      return .failed(.denied(provider: service.name, reason: code))
    case "NOT_FOUND", "FAILED_PRECONDITION":
      return .failed(.rootKeyUnusable(name: keyName, reason: code))
    case "RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "ABORTED":
      return .again(code)
    default:
      guard answer.status == 429 || answer.status >= 500 else {
        return .failed(
          .unexpectedAnswer(provider: service.name, reason: "\(operation): \(code)"))
      }
      return .again(code)
    }
  }
}
