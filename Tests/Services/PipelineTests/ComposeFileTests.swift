internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import TestSupport
internal import Testing

@Suite("The compose file")
struct ComposeFileTests {
  /// A file with the five services; `change` is made to the block of one of them.
  private static func yaml(
    _ changed: WellKnownService? = nil, _ change: (inout [String]) -> Void = { _ in }
  ) -> String {
    var lines = ["services:"]
    for service in WellKnownService.allCases {
      var block = [
        "    command: [\(service.programName), serve]",
        "    environment:",
        "      TACIT_LISTEN: 0.0.0.0:\(service.defaultPort)",
        "      TACIT_STORE: /data/store",
        "    volumes: [\"\(service.rawValue)-store:/data/store\", \"trust:/trust:ro\"]",
      ]
      if service == changed { change(&block) }
      lines.append("  \(service.rawValue):")
      lines += block
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func plan(
    _ yaml: String, ports: [WellKnownService: Int] = [:]
  ) async throws -> [WellKnownService: StackPlan.Process] {
    try await withTemporaryDirectory { programs in
      for service in WellKnownService.allCases {
        #expect(
          FileManager.default.createFile(
            atPath: programs.appending(path: service.programName).path, contents: nil,
            attributes: [.posixPermissions: 0o755]))
      }
      let plan = try StackPlan(
        try ComposeFile(yaml: yaml), root: URL(filePath: "/stack"), programs: programs,
        ports: ports)
      return Dictionary(uniqueKeysWithValues: plan.processes.map { ($0.service, $0) })
    }
  }

  @Test("each service has its port, its command, its environment and its volumes")
  func services() throws {
    let services = try ComposeFile(yaml: Self.yaml()).services
    #expect(services.map(\.service) == WellKnownService.allCases)
    #expect(services.map(\.port) == [7_101, 7_102, 7_103, 7_104, 7_105])
    #expect(services[1].command == ["tacit-vault", "serve"])
    #expect(services[1].environment["TACIT_STORE"] == "/data/store")
    #expect(services[1].volumeByPath == ["/data/store": "vault-store", "/trust": "trust"])
  }

  @Test("a service without volumes has none")
  func noVolumes() throws {
    let services = try ComposeFile(yaml: Self.yaml(.vault) { $0.removeLast() }).services
    #expect(services[1].volumeByPath.isEmpty)
  }

  @Test(
    "what is not understood is refused, and the service is named",
    arguments: [
      ("    command: []", 0, "vault needs a command and TACIT_LISTEN"),
      ("      TACIT_LISTEN: 0.0.0.0", 2, "vault needs a command and TACIT_LISTEN"),
      ("      TACIT_LISTEN: 0.0.0.0:http", 2, "vault needs a command and TACIT_LISTEN"),
      ("      OTHER: x", 2, "vault needs a command and TACIT_LISTEN"),
      ("    volumes: [nowhere]", 4, "vault: \"nowhere\" is no volume"),
      ("    volumes: [{type: bind, source: a, target: b}]", 4, "vault"),
      ("    command: tacit-vault serve", 0, "vault"),
      ("    command: {program: tacit-vault}", 0, "vault"),
    ])
  func refused(line: String, place: Int, reason: String) {
    let yaml = Self.yaml(.vault) { $0[place] = line }
    let failure = #expect(throws: CommandFailure.self) { try ComposeFile(yaml: yaml) }
    #expect(failure?.description.hasPrefix("docker-compose.yml") == true)
    #expect(failure?.description.contains(reason) == true, "\(failure?.description ?? "")")
  }

  @Test("a service that is not there is named", arguments: WellKnownService.allCases)
  func missing(service: WellKnownService) {
    let yaml = Self.yaml().replacingOccurrences(of: "  \(service.rawValue):\n", with: "  other:\n")
    let failure = #expect(throws: CommandFailure.self) { try ComposeFile(yaml: yaml) }
    #expect(failure?.description == "docker-compose.yml has no service \(service.rawValue)")
  }

  @Test("what is no YAML, and a file that is not there, are refused in words")
  func noYAML() {
    for text in ["services: [", "", "services: 5"] {
      let failure = #expect(throws: CommandFailure.self) { try ComposeFile(yaml: text) }
      #expect(failure?.description.contains("docker-compose.yml is not as expected") == true)
    }
    let failure = #expect(throws: CommandFailure.self) {
      try ComposeFile(contentsOf: URL(filePath: "/nowhere/docker-compose.yml"))
    }
    #expect(failure?.description.contains("/nowhere/docker-compose.yml") == true)
  }

  // MARK: The plan

  @Test("a service listens on this machine alone, on the port of the file or the one chosen")
  func ownPort() async throws {
    let yaml = Self.yaml(.vault) { $0[2] = "      TACIT_LISTEN: 0.0.0.0:8200" }
    let plan = try await Self.plan(yaml)
    #expect(plan[.vault]?.port == 8_200)
    #expect(plan[.vault]?.environment["TACIT_LISTEN"] == "127.0.0.1:8200")
    let chosen = try await Self.plan(yaml, ports: [.vault: 9_002])
    #expect(chosen[.vault]?.port == 9_002)
    #expect(chosen[.vault]?.environment["TACIT_LISTEN"] == "127.0.0.1:9002")
  }

  @Test("a volume inside another one's path becomes its own folder")
  func nestedVolumes() async throws {
    let yaml = Self.yaml(.vault) { block in
      block[3] = "      TACIT_STORE: /data/store/inner/file"
      block[4] = "    volumes: [\"a:/data\", \"c:/data/store/inner\", \"b:/data/store\"]"
    }
    // The order of a dictionary changes from run to run, so that luck does not last.
    for _ in 0..<20 {
      let plan = try await Self.plan(yaml)
      #expect(plan[.vault]?.environment["TACIT_STORE"] == "/stack/c/file")
    }
  }

  @Test("a path that only begins like a volume, and other values, stay as they are")
  func otherValues() async throws {
    let yaml = Self.yaml(.vault) { block in
      block.insert("      PATH_ALIKE: /data/store-two", at: 4)
      block.insert("      LEVEL: info", at: 4)
      block.insert("      ELSEWHERE: example.com:7101", at: 4)
    }
    let environment = try await Self.plan(yaml, ports: [.consent: 9_001])[.vault]?.environment
    #expect(environment?["PATH_ALIKE"] == "/data/store-two")
    #expect(environment?["LEVEL"] == "info")
    #expect(environment?["ELSEWHERE"] == "example.com:7101")
  }

  @Test("a program that is not built is named, with what builds it")
  func missingProgram() async throws {
    try await withTemporaryDirectory { programs in
      let failure = #expect(throws: CommandFailure.self) {
        try StackPlan(
          try ComposeFile(yaml: Self.yaml()), root: URL(filePath: "/stack"), programs: programs)
      }
      #expect(failure?.description.contains("tacit-consent is not there") == true)
    }
  }
}
