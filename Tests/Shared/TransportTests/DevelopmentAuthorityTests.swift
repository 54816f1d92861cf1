import Foundation
import Logging
import PrivacyCore
import TestSupport
import Testing
import Transport

@Suite("The development authority")
struct DevelopmentAuthorityTests {
  private func permissions(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }

  @Test("keys can only be read by their owner")
  func keyPermissions() async throws {
    try await withTemporaryDirectory { directory in
      let authority = try DevelopmentAuthority.create(in: directory)
      let material = try authority.issue(.service("consent"))
      #expect(try permissions(directory.appending(path: "ca-key.pem").path) == 0o600)
      #expect(try permissions(material.keyPath) == 0o600)
      #expect(material.certificatePath.hasSuffix("/consent.pem"))
      #expect(material.keyPath.hasSuffix("/consent-key.pem"))
      #expect(material.authorityPath.hasSuffix("/ca.pem"))
    }
  }

  @Test("nothing is overwritten unless it is asked for")
  func overwriting() async throws {
    try await withTemporaryDirectory { directory in
      let authority = try DevelopmentAuthority.create(in: directory)
      let material = try authority.issue(.user(role: "legal", name: "anna"))
      #expect(material.certificatePath.hasSuffix("/legal-anna.pem"))
      let before = FileManager.default.contents(atPath: material.certificatePath)
      #expect(throws: TransportError.wouldOverwrite(path: material.certificatePath)) {
        try authority.issue(.user(role: "legal", name: "anna"))
      }
      #expect(throws: TransportError.self) { try DevelopmentAuthority.create(in: directory) }
      #expect(FileManager.default.contents(atPath: material.certificatePath) == before)
      _ = try authority.issue(.user(role: "legal", name: "anna"), replacing: true)
      #expect(FileManager.default.contents(atPath: material.certificatePath) != before)
      _ = try DevelopmentAuthority.create(in: directory, replacing: true)
    }
  }

  @Test("an authority that was made can be opened and issues on")
  func reopen() async throws {
    try await withTemporaryDirectory { directory in
      _ = try DevelopmentAuthority.create(in: directory)
      let authority = try DevelopmentAuthority.open(in: directory)
      _ = try authority.issue(.service("vault"))
    }
  }

  @Test("a directory without an authority, or with a foreign key, is refused by name")
  func brokenAuthority() async throws {
    try await withTemporaryDirectory { directory in
      #expect(throws: TransportError.self) { try DevelopmentAuthority.open(in: directory) }
      _ = try DevelopmentAuthority.create(in: directory)
      try await withTemporaryDirectory { other in
        _ = try DevelopmentAuthority.create(in: other)
        let key = directory.appending(path: "ca-key.pem")
        try FileManager.default.removeItem(at: key)
        try FileManager.default.copyItem(at: other.appending(path: "ca-key.pem"), to: key)
      }
      #expect(throws: TransportError.self) { try DevelopmentAuthority.open(in: directory) }
    }
  }

  @Test("somebody on this machine gets no certificate")
  func localPeer() async throws {
    try await withTemporaryDirectory { directory in
      let authority = try DevelopmentAuthority.create(in: directory)
      #expect(throws: TransportError.badIdentity(text: "tacit:local")) {
        try authority.issue(.local)
      }
    }
  }

  @Test("credentials that are missing or damaged are named before the first connection")
  func damagedCredentials() async throws {
    try await withTemporaryDirectory { directory in
      let authority = try DevelopmentAuthority.create(in: directory)
      let good = try authority.issue(.service("consent"))
      let other = try authority.issue(.service("vault"))
      let endpoint = try Endpoint("127.0.0.1:1")
      let junk = directory.appending(path: "junk.pem").path
      try Data("nothing".utf8).write(to: URL(filePath: junk))
      let cases = [
        TLSMaterial(
          certificatePath: directory.path + "/none.pem", keyPath: good.keyPath,
          authorityPath: good.authorityPath),
        TLSMaterial(
          certificatePath: good.certificatePath, keyPath: junk, authorityPath: good.authorityPath),
        TLSMaterial(
          certificatePath: good.certificatePath, keyPath: good.keyPath, authorityPath: junk),
        TLSMaterial(
          certificatePath: good.certificatePath, keyPath: other.keyPath,
          authorityPath: good.authorityPath),
      ]
      for material in cases {
        #expect(throws: TransportError.self) {
          try ClientConnectionSecurity(.mutualTLS(material), endpoint: endpoint, log: quietLog)
        }
      }
      _ = try ClientConnectionSecurity(.mutualTLS(good), endpoint: endpoint, log: quietLog)
    }
  }

  @Test("one's own expired certificate is named when it is read")
  func expired() async throws {
    try await withTemporaryDirectory { directory in
      let authority = try DevelopmentAuthority.create(in: directory)
      let material = try authority.issue(.service("consent"))
      let later = ManualTime()
      later.jump(to: later.now.advanced(byMicroseconds: 365 * 86_400_000_000 * 10))
      #expect {
        try ClientConnectionSecurity(
          .mutualTLS(material, time: later), endpoint: try Endpoint("127.0.0.1:1"), log: quietLog)
      } throws: { "\($0)".contains("the certificate expired at") }
    }
  }

  @Test("plain TCP to another machine is refused")
  func plainBeyondLoopback() throws {
    #expect(throws: TransportError.plainBeyondLoopback(endpoint: "10.0.0.1:7101")) {
      try ClientConnectionSecurity(
        .plainLoopback, endpoint: try Endpoint("10.0.0.1:7101"), log: quietLog)
    }
    _ = try ClientConnectionSecurity(
      .plainLoopback, endpoint: try Endpoint("127.0.0.1:7101"), log: quietLog)
  }
}

private let quietLog = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
