public import Cryptography
internal import Foundation
internal import HTTP
public import KeyManagement
internal import PrivacyCore

/// The `azure-keyvault` provider: an RSA key of Azure Key Vault or a managed HSM. RSA-OAEP-256 wraps
/// without a context, so it wraps a random key made for this once, and that one seals the key with
/// the context as associated data.
///
///     azure-keyvault:https://NAME.vault.azure.net/keys/KEY?token-file=…&ca-file=…
///
/// Without `token-file` the token is the machine's own, from the metadata service
/// (`metadata-endpoint`).
public struct AzureKeyManagementService: KeyManagementService {
  public var providerName: String { "azure-keyvault" }

  private static let apiVersion = "7.4"
  private static let algorithm = "RSA-OAEP-256"
  /// RSA keys have 2,048 to 4,096 bits.
  private static let wrappedByteCounts = 256...512

  private let keyID: String
  private let keyPath: String
  private let token: AccessToken
  private let random: any RandomSource
  private let service: RemoteService

  /// Reads the setting; calls nothing.
  public init(
    _ setting: KeyManagementSetting, environment: ProviderEnvironment
  ) throws(KeyManagementError) {
    try setting.allow("token-file", "metadata-endpoint", "ca-file")
    guard let whole = HTTPAddress(setting.place), let address = HTTPAddress(whole.origin),
      case let parts = whole.target.split(separator: "/", omittingEmptySubsequences: false),
      parts.count == 3, parts[0].isEmpty, parts[1] == "keys", Self.isName(parts[2])
    else {
      throw .setting(
        "azure-keyvault: the key is https://NAME.vault.azure.net/keys/KEY, without a version, "
          + "not \"\(setting.place)\"")
    }
    keyID = whole.description
    keyPath = whole.target
    if let path = setting["token-file"] {
      token = .file(URL(filePath: path))
    } else {
      let resource =
        address.host.hasSuffix(".managedhsm.azure.net")
        ? "https%3A%2F%2Fmanagedhsm.azure.net" : "https%3A%2F%2Fvault.azure.net"
      token = .metadata(
        try MetadataToken(
          provider: "azure-keyvault",
          endpoint: setting["metadata-endpoint"] ?? "http://169.254.169.254",
          target: "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=\(resource)",
          headers: [("Metadata", "true")], environment: environment))
    }
    random = environment.random
    service = try RemoteService(
      provider: "azure-keyvault", address: address, authorityFile: setting["ca-file"],
      environment: environment)
  }

  private static func isName(_ text: Substring) -> Bool {
    (1...127).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// The version in a key's identifier, if it is one of this key.
  private func version(in name: String) -> String? {
    guard name.hasPrefix(keyID + "/") else { return nil }
    let version = name.dropFirst(keyID.count + 1)
    return Self.isName(version) ? String(version) : nil
  }

  // MARK: - Wrapping

  private struct Request: Encodable {
    let alg: String
    let value: String
  }

  private struct Reply: Decodable {
    let kid: String
    let value: String
  }

  public func wrap(
    _ key: borrowing SecretBytes, context: [String: String]
  ) async throws(KeyManagementError) -> WrappedKey {
    try checkLimits(keyByteCount: key.byteCount, context: context)
    let once = SecretBytes(random: random, count: SealingKey.keyByteCount)
    let sealed: [UInt8]
    do throws(CryptographyError) {
      sealed = try SealingKey(id: KeyID(rawValue: 0), secret: once, random: random)
        .seal(key, associatedData: FieldEncoding(context: context).bytes)
    } catch {
      throw .cryptography(error)
    }
    let reply = try await call(
      "wrapkey", path: keyPath, value: unsafe once.withUnsafeBytes { unsafe Base64URL.encode($0) })
    guard version(in: reply.kid) != nil, let wrapped = Base64URL.decode(reply.value),
      Self.wrappedByteCounts.contains(wrapped.count)
    else {
      throw .unexpectedAnswer(
        provider: service.name, reason: "wrapkey: another key, or no base64url")
    }
    // The version of the RSA key is part of the name: only that one unwraps.
    return WrappedKey(
      provider: providerName, rootKeyName: reply.kid,
      ciphertext: [UInt8(wrapped.count >> 8), UInt8(wrapped.count & 0xFF)] + wrapped + sealed)
  }

  public func unwrap(
    _ wrapped: WrappedKey, context: [String: String]
  ) async throws(KeyManagementError) -> SecretBytes {
    guard wrapped.provider == providerName, let version = version(in: wrapped.rootKeyName) else {
      throw .otherProvider(
        wrappedBy: "\(wrapped.provider) \(wrapped.rootKeyName)",
        available: "\(providerName) \(keyID)")
    }
    let bytes = wrapped.ciphertext
    guard bytes.count > 2, case let count = Int(bytes[0]) << 8 | Int(bytes[1]),
      Self.wrappedByteCounts.contains(count),
      bytes.count > 2 + count + SealingKey.overheadByteCount,
      bytes.count <= 2 + count + SealingKey.overheadByteCount + WrappedKey.keyByteCountMax
    else { throw .refused }
    let reply = try await call(
      "unwrapkey", path: "\(keyPath)/\(version)", value: Base64URL.encode(bytes[2..<2 + count]))
    guard reply.kid == wrapped.rootKeyName, let once = Base64URL.decode(reply.value) else {
      throw .unexpectedAnswer(
        provider: service.name, reason: "unwrapkey: another key, or no base64url")
    }
    guard once.count == SealingKey.keyByteCount else { throw .refused }
    do throws(CryptographyError) {
      return try SealingKey(id: KeyID(rawValue: 0), secret: SecretBytes(copying: once))
        .openSecret(
          Array(bytes[(2 + count)...]), associatedData: FieldEncoding(context: context).bytes)
    } catch {
      throw .refused
    }
  }

  // MARK: - Calling

  private func call(
    _ operation: String, path: String, value: String
  ) async throws(KeyManagementError) -> Reply {
    let token = try await token.read()
    let body = try JSONBody.encode(Request(alg: Self.algorithm, value: value))
    return try await service.call { () throws(KeyManagementError) in
      HTTPRequest(
        .post, target: "\(path)/\(operation)?api-version=\(Self.apiVersion)",
        headers: [
          ("Content-Type", "application/json"), ("Authorization", "Bearer \(token)"),
        ], body: body)
    } judge: { answer in
      guard answer.status == 200 else { return failure(answer, of: operation) }
      guard let reply = JSONBody.decode(Reply.self, from: answer.body) else {
        return .failed(
          .unexpectedAnswer(provider: service.name, reason: "\(operation): no JSON of its form"))
      }
      return .done(reply)
    }
  }

  private struct Failure: Decodable {
    struct Inner: Decodable {
      let code: String
    }

    struct Content: Decodable {
      let code: String
      let innererror: Inner?
    }

    let error: Content
  }

  /// What a status other than 200 means (Azure Key Vault's documentation, "REST API error codes"):
  /// the codes in the body say it, the message is not repeated.
  private func failure<Value>(
    _ answer: HTTPAnswer, of operation: String
  ) -> RemoteService.Verdict<Value> {
    let failure = JSONBody.decode(Failure.self, from: answer.body)?.error
    let code = failure.map { $0.innererror?.code ?? $0.code } ?? "status \(answer.status)"
    switch answer.status {
    case 400 where operation == "unwrapkey":
      return .failed(.refused)
    case 403 where ["KeyDisabled", "KeyExpired", "KeyNotYetValid"].contains(code):
      return .failed(.rootKeyUnusable(name: keyID, reason: code))
    case 401, 403:
      return .failed(.denied(provider: service.name, reason: code))
    case 404, 409:
      return .failed(.rootKeyUnusable(name: keyID, reason: code))
    case 408, 429, 500...:
      return .again(code)
    default:
      return .failed(.unexpectedAnswer(provider: service.name, reason: "\(operation): \(code)"))
    }
  }
}
