package import Foundation
internal import KeyManagement
internal import ServiceKit
internal import Transport

/// What a stack trusts: a development authority with a certificate for each service and each role
/// of people (`identity/`), and a root key for each service (`kms/`).
package struct TrustDirectory: Sendable {
  /// The roles of people that get a certificate, named `<role>-dev`.
  package static let roles = ["admin", "marketing", "analyst", "privacy"]

  private let directory: URL

  /// The trust in `directory`.
  package init(_ directory: URL) { self.directory = directory }

  /// Makes what is missing; what is there stays as it is.
  package func create() throws {
    try Self.createCertificates(in: directory.appending(path: "identity"))
    try createRootKeys(in: directory.appending(path: "kms"))
  }

  /// Makes the authority and the certificates that are missing in `identity`, for the services,
  /// the pipeline, the roles and the `users` given as `role/name`. Answers the names of the new.
  @discardableResult
  package static func createCertificates(
    in identity: URL, users: [String] = []
  ) throws -> [String] {
    try FileManager.default.createDirectory(at: identity, withIntermediateDirectories: true)
    let isNew = !FileManager.default.fileExists(atPath: identity.appending(path: "ca.pem").path)
    let authority =
      isNew
      ? try DevelopmentAuthority.create(in: identity)
      : try DevelopmentAuthority.open(in: identity)
    var identities = try WellKnownService.allCases.map { try PeerIdentity.service($0.rawValue) }
    identities.append(try .service("pipeline"))
    identities += try roles.map { try PeerIdentity.user(role: $0, name: "dev") }
    for user in users {
      let parts = user.split(separator: "/").map(String.init)
      guard parts.count == 2 else { throw CommandFailure("a user is role/name, not \"\(user)\"") }
      identities.append(try .user(role: parts[0], name: parts[1]))
    }
    var made: [String] = []
    for peer in identities {
      let name = peer.kind == .user ? "\(peer.role)-\(peer.name)" : peer.name
      let path = identity.appending(path: "\(name).pem").path
      if isNew || !FileManager.default.fileExists(atPath: path) {
        _ = try authority.issue(peer, replacing: isNew)
        made.append(name)
      }
    }
    return made
  }

  private func createRootKeys(in kms: URL) throws {
    try FileManager.default.createDirectory(
      at: kms, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    for service in WellKnownService.allCases {
      _ = try FileKeyManagementService.openOrCreate(
        at: kms.appending(path: "\(service.rawValue).json"))
    }
  }
}
