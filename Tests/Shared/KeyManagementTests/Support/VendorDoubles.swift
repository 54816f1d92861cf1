import Cryptography
import Foundation
import KeyManagement
import PrivacyCore
import TestSupport

@testable import KeyManagementProviders

/// Services that answer as their vendors' documentation says, with real sealing behind it. They
/// stand for a vendor whose service cannot run in a test.
protocol VendorDouble: Sendable {
  func answer(_ received: LoopbackHTTPServer.Received) -> LoopbackHTTPServer.Answer
}

extension VendorDouble {
  static func sealer(_ name: String) throws -> SealingKey {
    let seed = name.utf8.reduce(UInt64(7)) { $0 &* 31 &+ UInt64($1) }
    return try SealingKey(
      id: KeyID(rawValue: 0),
      secret: SecretBytes(random: SeededRandom(seed: seed), count: SealingKey.keyByteCount))
  }

  static func fields(_ received: LoopbackHTTPServer.Received) -> [String: String] {
    (try? JSONDecoder().decode([String: String].self, from: Data(received.body))) ?? [:]
  }
}

/// Vault's transit engine.
struct VaultDouble: VendorDouble {
  static let token = "hvs.CAESI-test"

  func answer(_ received: LoopbackHTTPServer.Received) -> LoopbackHTTPServer.Answer {
    let fields = Self.fields(received)
    let parts = received.target.split(separator: "/")
    guard received.headers["x-vault-token"] == Self.token else {
      return .json(403, #"{"errors":["permission denied"]}"#)
    }
    guard parts.count == 4, parts[0] == "v1", parts[1] == "transit",
      let associatedData = Base64.decode(fields["associated_data"] ?? ""),
      let sealer = try? Self.sealer(String(parts[3]) + (fields["context"] ?? ""))
    else { return .json(404, #"{"errors":[]}"#) }
    if parts[2] == "encrypt", let plaintext = Base64.decode(fields["plaintext"] ?? ""),
      let sealed = try? sealer.seal(plaintext, associatedData: associatedData)
    {
      return .json(
        200,
        #"{"request_id":"x","data":{"ciphertext":"vault:v1:\#(Base64.encode(sealed))","#
          + #""key_version":1}}"#)
    }
    let prefix = "vault:v1:"
    guard parts[2] == "decrypt", let text = fields["ciphertext"], text.hasPrefix(prefix),
      let sealed = Base64.decode(text.dropFirst(prefix.count)),
      let opened = try? sealer.open(sealed, associatedData: associatedData)
    else { return .json(400, #"{"errors":["cipher: message authentication failed"]}"#) }
    return .json(200, #"{"data":{"plaintext":"\#(Base64.encode(opened))"}}"#)
  }
}

/// Google Cloud KMS.
struct GoogleDouble: VendorDouble {
  static let token = "ya29.test"

  static func failure(_ code: Int, _ status: String) -> LoopbackHTTPServer.Answer {
    .json(code, #"{"error":{"code":\#(code),"message":"their own words","status":"\#(status)"}}"#)
  }

  func answer(_ received: LoopbackHTTPServer.Received) -> LoopbackHTTPServer.Answer {
    let fields = Self.fields(received)
    guard received.headers["authorization"] == "Bearer \(Self.token)" else {
      return Self.failure(401, "UNAUTHENTICATED")
    }
    let parts = received.target.dropFirst("/v1/".count).split(separator: ":")
    guard parts.count == 2, let sealer = try? Self.sealer(String(parts[0])),
      let associatedData = Base64.decode(fields["additionalAuthenticatedData"] ?? ""),
      fields["additionalAuthenticatedDataCrc32c"] == "\(CRC32C.value(of: associatedData))"
    else { return Self.failure(404, "NOT_FOUND") }
    if parts[1] == "encrypt", let plaintext = Base64.decode(fields["plaintext"] ?? ""),
      fields["plaintextCrc32c"] == "\(CRC32C.value(of: plaintext))",
      let sealed = try? sealer.seal(plaintext, associatedData: associatedData)
    {
      return .json(
        200,
        #"{"name":"\#(parts[0])/cryptoKeyVersions/1","ciphertext":"\#(Base64.encode(sealed))","#
          + #""ciphertextCrc32c":"\#(CRC32C.value(of: sealed))","verifiedPlaintextCrc32c":true,"#
          + #""verifiedAdditionalAuthenticatedDataCrc32c":true,"protectionLevel":"HSM"}"#)
    }
    guard parts[1] == "decrypt", let sealed = Base64.decode(fields["ciphertext"] ?? ""),
      fields["ciphertextCrc32c"] == "\(CRC32C.value(of: sealed))",
      let opened = try? sealer.open(sealed, associatedData: associatedData)
    else { return Self.failure(400, "INVALID_ARGUMENT") }
    return .json(
      200,
      #"{"plaintext":"\#(Base64.encode(opened))","plaintextCrc32c":"#
        + #""\#(CRC32C.value(of: opened))","usedPrimary":true,"protectionLevel":"HSM"}"#)
  }
}

/// Azure Key Vault; its RSA is a sealed block of the length of an RSA-2048 one.
struct AzureDouble: VendorDouble {
  static let token = "eyJ0.test"
  static let version = "0698c2156c1a4e1da5b6bab6f6422fd6"
  static let nextVersion = "d3f5c1a2b4e60718293a4b5c6d7e8f90"

  let origin: @Sendable () -> String
  /// Which of the two versions wraps.
  var current: @Sendable () -> String = { Self.version }

  static func failure(
    _ status: Int, _ code: String, inner: String? = nil
  ) -> LoopbackHTTPServer.Answer {
    let inner = inner.map { #","innererror":{"code":"\#($0)"}"# } ?? ""
    return .json(
      status, #"{"error":{"code":"\#(code)","message":"their own words"\#(inner)}}"#)
  }

  func answer(_ received: LoopbackHTTPServer.Received) -> LoopbackHTTPServer.Answer {
    let fields = Self.fields(received)
    guard received.headers["authorization"] == "Bearer \(Self.token)" else {
      return Self.failure(401, "Unauthorized")
    }
    let pathAndQuery = received.target.split(separator: "?")
    let parts = pathAndQuery.first?.split(separator: "/") ?? []
    guard pathAndQuery.last == "api-version=7.4", (3...4).contains(parts.count),
      parts[0] == "keys", case let version = parts.count == 4 ? String(parts[2]) : current(),
      [Self.version, Self.nextVersion].contains(version),
      fields["alg"] == "RSA-OAEP-256", let value = Base64URL.decode(fields["value"] ?? ""),
      let sealer = try? Self.sealer("\(parts[1])/\(version)")
    else { return Self.failure(404, "KeyNotFound") }
    let kid = "\(origin())/keys/\(parts[1])/\(version)"
    let blockByteCount = 256 - SealingKey.overheadByteCount
    if parts.last == "wrapkey", value.count < blockByteCount {
      let block =
        [UInt8(value.count)] + value
        + [UInt8](repeating: 0, count: blockByteCount - value.count - 1)
      guard let sealed = try? sealer.seal(block) else { return .cut }
      return .json(200, #"{"kid":"\#(kid)","value":"\#(Base64URL.encode(sealed))"}"#)
    }
    guard parts.last == "unwrapkey", let block = try? sealer.open(value), let count = block.first
    else { return Self.failure(400, "BadParameter") }
    let opened = block.dropFirst().prefix(Int(count))
    return .json(200, #"{"kid":"\#(kid)","value":"\#(Base64URL.encode(opened))"}"#)
  }
}
