internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import TestSupport
internal import Testing

@Suite("The stack as plain processes")
struct StackPlanTests {
  private static var composeFile: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "docker-compose.yml")
  }

  private func plan(ports: [WellKnownService: Int] = [:]) async throws -> StackPlan {
    try await withTemporaryDirectory { programs in
      for service in WellKnownService.allCases {
        let path = programs.appending(path: service.programName).path
        #expect(
          FileManager.default.createFile(
            atPath: path, contents: nil, attributes: [.posixPermissions: 0o755]))
      }
      return try StackPlan(
        try ComposeFile(contentsOf: Self.composeFile), root: URL(filePath: "/stack"),
        programs: programs, ports: ports)
    }
  }

  @Test("volumes become directories and host names this machine")
  func translation() async throws {
    let process = try #require(try await plan().processes.first { $0.service == .features })
    #expect(process.arguments == ["serve"])
    #expect(process.environment["TACIT_LISTEN"] == "127.0.0.1:7103")
    #expect(process.environment["TACIT_STORE"] == "/stack/features-store")
    #expect(process.environment["TACIT_KMS"] == "file:/stack/trust/kms/features.json")
    #expect(process.environment["TACIT_CONSENT_ENDPOINT"] == "127.0.0.1:7101")
  }

  @Test("chosen ports are used by the service and by those that call it")
  func ports() async throws {
    let processes = try await plan(ports: [.consent: 9_001]).processes
    let consent = try #require(processes.first { $0.service == .consent })
    let vectors = try #require(processes.first { $0.service == .vectors })
    #expect(consent.environment["TACIT_LISTEN"] == "127.0.0.1:9001")
    #expect(vectors.environment["TACIT_CONSENT_ENDPOINT"] == "127.0.0.1:9001")
  }

  @Test("free ports are different and can be listened on")
  func freePorts() throws {
    let ports = try FreePorts.choose(5)
    #expect(Set(ports).count == 5)
    #expect(ports.allSatisfy { (1_024...65_535).contains($0) })
  }

  @Test("certificates and root keys are made once and kept")
  func trust() async throws {
    try await withTemporaryDirectory { directory in
      try TrustDirectory(directory).create()
      let key = directory.appending(path: "kms/vault.json")
      let before = try Data(contentsOf: key)
      try TrustDirectory(directory).create()
      #expect(try Data(contentsOf: key) == before)
      let names = try TrustDirectory.createCertificates(
        in: directory.appending(path: "identity"), users: ["legal/anna"])
      #expect(names == ["legal-anna"])
    }
  }
}
