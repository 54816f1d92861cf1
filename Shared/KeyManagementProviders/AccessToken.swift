internal import Foundation
internal import HTTP
internal import KeyManagement
internal import PrivacyCore
internal import Synchronization

/// Where a provider's access token comes from.
enum AccessToken: Sendable {
  /// A file of mode 0600 that something else renews; read at each call.
  case file(URL)
  /// The metadata service of the machine, which gives tokens for some hours.
  case metadata(MetadataToken)

  func read() async throws(KeyManagementError) -> String {
    switch self {
    case .file(let url): try SecretSource.file(url).read()
    case .metadata(let token): try await token.read()
    }
  }
}

/// Tokens of the machine's own identity, from the metadata service that Google's and Azure's
/// machines have. Each is kept until a minute before it ends.
final class MetadataToken: Sendable {
  private let service: RemoteService
  private let target: String
  private let headers: [(name: String, value: String)]
  private let kept = Mutex<Kept?>(nil)

  private struct Kept: Sendable {
    let token: SharedSecret
    let until: Timestamp
  }

  /// The hosts of metadata services: they speak plain HTTP, over a link inside the machine.
  static let plainHosts = HTTPAddress.loopback.union([
    "metadata.google.internal", "169.254.169.254",
  ])

  /// A token is not used in its last 60 seconds.
  private static let marginSeconds: Int64 = 60

  init(
    provider: String, endpoint: String, target: String,
    headers: [(name: String, value: String)], environment: ProviderEnvironment
  ) throws(KeyManagementError) {
    guard let address = HTTPAddress(endpoint, plainHosts: Self.plainHosts), address.target == "/"
    else { throw .setting("\(provider): \"\(endpoint)\" is no metadata service") }
    service = try RemoteService(
      provider: "\(provider) metadata", address: address, environment: environment)
    (self.target, self.headers) = (target, headers)
  }

  private struct Reply: Decodable {
    let token: String
    /// Google writes a number, Azure a text.
    let seconds: Int64

    enum CodingKeys: String, CodingKey {
      case token = "access_token"
      case seconds = "expires_in"
    }

    init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      token = try values.decode(String.self, forKey: .token)
      if let number = try? values.decode(Int64.self, forKey: .seconds) {
        seconds = number
      } else {
        seconds = Int64(try values.decode(String.self, forKey: .seconds)) ?? 0
      }
    }
  }

  func read() async throws(KeyManagementError) -> String {
    let now = service.now
    if let kept = kept.withLock({ $0 }), now < kept.until { return kept.token.text }
    let request = HTTPRequest(.get, target: target, headers: headers)
    let made: Kept = try await service.call { () throws(KeyManagementError) in
      request
    } judge: { answer in
      switch answer.status {
      case 200:
        guard let reply = JSONBody.decode(Reply.self, from: answer.body), !reply.token.isEmpty,
          reply.token.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
          return .failed(.unexpectedAnswer(provider: service.name, reason: "no token in it"))
        }
        let seconds = min(max(0, reply.seconds - Self.marginSeconds), 86_400)
        return .done(
          Kept(
            token: SharedSecret(reply.token),
            until: now.advanced(byMicroseconds: seconds * 1_000_000)))
      case 429, 404, 500...: return .again("status \(answer.status)")
      default:
        return .failed(.denied(provider: service.name, reason: "status \(answer.status)"))
      }
    }
    kept.withLock { $0 = made }
    return made.token.text
  }
}
