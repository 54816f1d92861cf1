public import Cryptography
internal import Foundation
internal import HTTP
public import KeyManagement
internal import PrivacyCore

/// The `aws-kms` provider: a symmetric key of AWS KMS, which never leaves it. The context is the
/// KMS's encryption context: authenticated, and readable in AWS's own audit log.
///
///     aws-kms:KEY-ARN?region=…&endpoint=…&credentials-file=…&profile=…&ca-file=…
///
/// Each wrap and unwrap is one call. The key is on its way in TLS and for the time of the call as
/// base64 in this process's memory.
public struct AWSKeyManagementService: KeyManagementService {
  public var providerName: String { "aws-kms" }

  private let keyARN: String
  private let region: String
  private let credentials: AWSCredentials.Source
  private let service: RemoteService

  /// The largest wrapped key that Decrypt takes, in bytes (AWS KMS API Reference, Decrypt).
  private static let ciphertextByteCountMax = 6_144

  /// Reads the setting and what it names; calls nothing.
  public init(
    _ setting: KeyManagementSetting, environment: ProviderEnvironment
  ) throws(KeyManagementError) {
    try setting.allow("region", "endpoint", "credentials-file", "profile", "ca-file")
    keyARN = setting.place
    // arn:partition:kms:region:account:key/id
    let parts = keyARN.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 6, parts[0] == "arn", parts[1].hasPrefix("aws"), parts[2] == "kms",
      parts[5].hasPrefix("key/"), parts[5].count > 4
    else {
      throw .setting(
        "aws-kms: the key is named by its ARN, arn:aws:kms:REGION:ACCOUNT:key/ID, "
          + "not \"\(keyARN)\"; an alias can be pointed at another key")
    }
    region = setting["region"] ?? String(parts[3])
    guard !region.isEmpty,
      region.utf8.allSatisfy({
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
      })
    else { throw .setting("aws-kms: \"\(region)\" is no region") }
    let domain = parts[1] == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"
    let endpoint = setting["endpoint"] ?? "https://kms.\(region).\(domain)"
    guard let address = HTTPAddress(endpoint), address.target == "/" else {
      throw .setting("aws-kms: endpoint is https://host:port, or http:// to this machine alone")
    }
    if let path = setting["credentials-file"] {
      credentials = .file(URL(filePath: path), profile: setting["profile"] ?? "default")
    } else if let found = AWSCredentials(variables: environment.variables) {
      credentials = .variables(found)
    } else {
      throw .setting(
        "aws-kms: there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
          + "or credentials-file=…")
    }
    service = try RemoteService(
      provider: "aws-kms", address: address, authorityFile: setting["ca-file"],
      environment: environment)
  }

  // MARK: - Wrapping

  private struct EncryptRequest: Encodable {
    let keyID: String
    let plaintext: String
    let context: [String: String]

    enum CodingKeys: String, CodingKey {
      case keyID = "KeyId"
      case plaintext = "Plaintext"
      case context = "EncryptionContext"
    }
  }

  private struct EncryptReply: Decodable {
    let keyID: String
    let ciphertext: String

    enum CodingKeys: String, CodingKey {
      case keyID = "KeyId"
      case ciphertext = "CiphertextBlob"
    }
  }

  public func wrap(
    _ key: borrowing SecretBytes, context: [String: String]
  ) async throws(KeyManagementError) -> WrappedKey {
    try checkLimits(keyByteCount: key.byteCount, context: context)
    let body = try JSONBody.encode(
      EncryptRequest(
        keyID: keyARN, plaintext: unsafe key.withUnsafeBytes { unsafe Base64.encode($0) },
        context: context))
    let reply: EncryptReply = try await call("Encrypt", body)
    guard reply.keyID == keyARN, let ciphertext = Base64.decode(reply.ciphertext),
      (1...Self.ciphertextByteCountMax).contains(ciphertext.count)
    else {
      throw .unexpectedAnswer(provider: service.name, reason: "Encrypt: another key, or no base64")
    }
    return WrappedKey(provider: providerName, rootKeyName: keyARN, ciphertext: ciphertext)
  }

  private struct DecryptRequest: Encodable {
    let keyID: String
    let ciphertext: String
    let context: [String: String]

    enum CodingKeys: String, CodingKey {
      case keyID = "KeyId"
      case ciphertext = "CiphertextBlob"
      case context = "EncryptionContext"
    }
  }

  private struct DecryptReply: Decodable {
    let keyID: String
    let plaintext: String

    enum CodingKeys: String, CodingKey {
      case keyID = "KeyId"
      case plaintext = "Plaintext"
    }
  }

  public func unwrap(
    _ wrapped: WrappedKey, context: [String: String]
  ) async throws(KeyManagementError) -> SecretBytes {
    guard wrapped.provider == providerName, wrapped.rootKeyName == keyARN else {
      throw .otherProvider(
        wrappedBy: "\(wrapped.provider) \(wrapped.rootKeyName)",
        available: "\(providerName) \(keyARN)")
    }
    guard (1...Self.ciphertextByteCountMax).contains(wrapped.ciphertext.count) else {
      throw .refused
    }
    let body = try JSONBody.encode(
      DecryptRequest(
        keyID: keyARN, ciphertext: Base64.encode(wrapped.ciphertext),
        context: context))
    let reply: DecryptReply = try await call("Decrypt", body)
    guard reply.keyID == keyARN, let key = Base64.decode(reply.plaintext), !key.isEmpty else {
      throw .unexpectedAnswer(provider: service.name, reason: "Decrypt: another key, or no base64")
    }
    return SecretBytes(copying: key)
  }

  // MARK: - Calling

  private func call<Reply: Decodable & Sendable>(
    _ operation: String, _ body: [UInt8]
  ) async throws(KeyManagementError) -> Reply {
    try await service.call { () throws(KeyManagementError) in
      try signed(operation, body)
    } judge: { answer in
      guard answer.status == 200 else { return failure(answer) }
      guard let reply = JSONBody.decode(Reply.self, from: answer.body) else {
        return .failed(
          .unexpectedAnswer(provider: service.name, reason: "\(operation): no JSON of its form"))
      }
      return .done(reply)
    }
  }

  private func signed(
    _ operation: String, _ body: [UInt8]
  ) throws(KeyManagementError) -> HTTPRequest {
    let credentials = try credentials.read()
    let time = service.now
    var headers: [(name: String, value: String)] = [
      ("Content-Type", "application/x-amz-json-1.1"),
      ("X-Amz-Date", AWSSignature.basicTime(time)),
      ("X-Amz-Target", "TrentService.\(operation)"),
    ]
    if let token = credentials.sessionToken { headers.append(("X-Amz-Security-Token", token)) }
    let signature = AWSSignature(credentials: credentials, region: region, service: "kms")
    do throws(CryptographyError) {
      let authorization = try signature.authorization(
        AWSSignature.Request(
          method: "POST", headers: [("Host", service.address.hostHeader)] + headers, body: body),
        at: time)
      headers.append(("Authorization", authorization))
    } catch {
      throw .cryptography(error)
    }
    return HTTPRequest(.post, target: "/", headers: headers, body: body)
  }

  private struct Failure: Decodable {
    let type: String
    let message: String?

    enum CodingKeys: String, CodingKey {
      case type = "__type"
      case message
    }
  }

  /// What a status other than 200 means (AWS KMS API Reference, "Common Error Types" and the errors
  /// of Encrypt and Decrypt). The message is never repeated: only its code is known to be harmless.
  private func failure<Value>(_ answer: HTTPAnswer) -> RemoteService.Verdict<Value> {
    let failure = JSONBody.decode(Failure.self, from: answer.body)
    // `com.amazonaws.kms#DisabledException` and `DisabledException` are the same.
    let code =
      failure?.type.split(separator: "#").last.map(String.init) ?? "status \(answer.status)"
    switch code {
    case "InvalidCiphertextException", "IncorrectKeyException":
      return .failed(.refused)
    case "AccessDeniedException"
    where failure?.message?.hasPrefix("The ciphertext refers to a customer master key") == true:
      // A wrapped key whose name of its root key was changed.
      return .failed(.refused)
    case "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException",
      "MissingAuthenticationTokenException", "IncompleteSignatureException",
      "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch", "OptInRequired":
      return .failed(.denied(provider: service.name, reason: code))
    case "DisabledException", "KMSInvalidStateException", "NotFoundException",
      "InvalidKeyUsageException":
      return .failed(.rootKeyUnusable(name: keyARN, reason: code))
    case "ThrottlingException", "Throttling", "LimitExceededException", "RequestLimitExceeded",
      "TooManyRequestsException", "KeyUnavailableException", "DependencyTimeoutException",
      "KMSInternalException", "InternalFailure", "ServiceUnavailable":
      return .again(code)
    default:
      guard answer.status == 429 || answer.status >= 500 else {
        return .failed(.unexpectedAnswer(provider: service.name, reason: code))
      }
      return .again(code)
    }
  }
}
