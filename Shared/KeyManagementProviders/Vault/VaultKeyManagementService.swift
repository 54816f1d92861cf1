public import Cryptography
internal import Foundation
internal import HTTP
public import KeyManagement
internal import PrivacyCore

/// The `vault-transit` provider: a key of the transit engine of HashiCorp Vault (or OpenBao), of a
/// kind with associated data (`aes256-gcm96`, `chacha20-poly1305`), which never leaves it.
///
///     vault-transit:https://HOST:8200/KEY?token-file=…&mount=transit&namespace=…&derived=true&ca-file=…
///
/// The context is the associated data; for a derived key it is also what the key is derived with.
public struct VaultKeyManagementService: KeyManagementService {
  public var providerName: String { "vault-transit" }

  private let keyName: String
  private let mount: String
  private let namespace: String?
  private let isDerived: Bool
  private let token: SecretSource
  private let service: RemoteService

  /// Reads the setting; calls nothing.
  public init(
    _ setting: KeyManagementSetting, environment: ProviderEnvironment
  ) throws(KeyManagementError) {
    try setting.allow("token-file", "mount", "namespace", "derived", "ca-file")
    guard let slash = setting.place.lastIndex(of: "/"),
      let address = HTTPAddress(String(setting.place[..<slash])), address.target == "/"
    else {
      throw .setting(
        "vault-transit: the place is https://host:port/KEY, or http:// to this machine")
    }
    keyName = String(setting.place[setting.place.index(after: slash)...])
    mount = setting["mount"] ?? "transit"
    namespace = setting["namespace"]
    for name in [keyName]
      + mount.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    where !Self.isName(name) {
      throw .setting("vault-transit: \"\(name)\" is no name of a key or a mount")
    }
    guard namespace?.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) ?? true else {
      throw .setting("vault-transit: a namespace is printable ASCII")
    }
    guard [nil, "true", "false"].contains(setting["derived"]) else {
      throw .setting("vault-transit: derived is true or false")
    }
    isDerived = setting["derived"] == "true"
    token = .file(URL(filePath: try setting.required("token-file")))
    service = try RemoteService(
      provider: "vault-transit", address: address, authorityFile: setting["ca-file"],
      environment: environment)
  }

  private static func isName(_ text: String) -> Bool {
    !text.isEmpty && text != "." && text != ".."
      && text.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
          UInt8(ascii: "."):
          true
        default: false
        }
      }
  }

  /// The name of the root key: another Vault's key of the same name does not unwrap anyway.
  private var rootKeyName: String { "\(mount)/\(keyName)" }

  // MARK: - Wrapping

  private struct Request: Encodable {
    var plaintext: String?
    var ciphertext: String?
    let associatedData: String
    let context: String?

    enum CodingKeys: String, CodingKey {
      case plaintext, ciphertext, context
      case associatedData = "associated_data"
    }
  }

  private struct Reply: Decodable {
    struct Content: Decodable {
      let plaintext: String?
      let ciphertext: String?
    }

    let data: Content
  }

  private func request(_ context: [String: String]) -> Request {
    let text = Base64.encode(FieldEncoding(context: context).bytes)
    return Request(associatedData: text, context: isDerived ? text : nil)
  }

  public func wrap(
    _ key: borrowing SecretBytes, context: [String: String]
  ) async throws(KeyManagementError) -> WrappedKey {
    try checkLimits(keyByteCount: key.byteCount, context: context)
    var request = request(context)
    request.plaintext = unsafe key.withUnsafeBytes { unsafe Base64.encode($0) }
    let reply = try await call("encrypt", request)
    guard let ciphertext = reply.data.ciphertext, ciphertext.hasPrefix("vault:v") else {
      throw .unexpectedAnswer(provider: service.name, reason: "encrypt: no ciphertext")
    }
    return WrappedKey(
      provider: providerName, rootKeyName: rootKeyName, ciphertext: Array(ciphertext.utf8))
  }

  public func unwrap(
    _ wrapped: WrappedKey, context: [String: String]
  ) async throws(KeyManagementError) -> SecretBytes {
    guard wrapped.provider == providerName, wrapped.rootKeyName == rootKeyName else {
      throw .otherProvider(
        wrappedBy: "\(wrapped.provider) \(wrapped.rootKeyName)",
        available: "\(providerName) \(rootKeyName)")
    }
    // What Vault gave out is ASCII; anything else was changed.
    guard (1...16_384).contains(wrapped.ciphertext.count),
      wrapped.ciphertext.allSatisfy({ (0x21...0x7E).contains($0) })
    else { throw .refused }
    var request = request(context)
    request.ciphertext = String(decoding: wrapped.ciphertext, as: UTF8.self)
    let reply = try await call("decrypt", request)
    guard let plaintext = reply.data.plaintext, let key = Base64.decode(plaintext), !key.isEmpty
    else { throw .unexpectedAnswer(provider: service.name, reason: "decrypt: no base64") }
    return SecretBytes(copying: key)
  }

  // MARK: - Calling

  private func call(
    _ operation: String, _ request: Request
  ) async throws(KeyManagementError) -> Reply {
    let body = try JSONBody.encode(request)
    return try await service.call { () throws(KeyManagementError) in
      var headers: [(name: String, value: String)] = [
        ("Content-Type", "application/json"), ("X-Vault-Request", "true"),
        ("X-Vault-Token", try token.read()),
      ]
      if let namespace { headers.append(("X-Vault-Namespace", namespace)) }
      return HTTPRequest(
        .post, target: "/v1/\(mount)/\(operation)/\(keyName)", headers: headers, body: body)
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
    let errors: [String]
  }

  /// What a status other than 200 means (Vault's API documentation, "HTTP Status Codes"). Vault has
  /// no codes for its reasons, so the few that matter are known by their words.
  private func failure<Value>(
    _ answer: HTTPAnswer, of operation: String
  ) -> RemoteService.Verdict<Value> {
    let words = (JSONBody.decode(Failure.self, from: answer.body)?.errors ?? [])
      .joined(separator: " ")
    let status = "status \(answer.status)"
    switch answer.status {
    case 401, 403:
      return .failed(.denied(provider: service.name, reason: status))
    case 404:
      return .failed(
        .rootKeyUnusable(name: rootKeyName, reason: "no transit engine or key is there"))
    case 400 where words.contains("not found"):
      return .failed(.rootKeyUnusable(name: rootKeyName, reason: "there is no such key"))
    case 400 where words.contains("disallowed by policy"):
      return .failed(
        .rootKeyUnusable(name: rootKeyName, reason: "its version is below the oldest allowed"))
    case 400 where operation == "decrypt":
      return .failed(.refused)
    case 503:
      return .again("status 503: it is sealed or in maintenance")
    case 412, 429, 472, 473, 500...:
      return .again(status)
    default:
      return .failed(.unexpectedAnswer(provider: service.name, reason: "\(operation): \(status)"))
    }
  }
}
