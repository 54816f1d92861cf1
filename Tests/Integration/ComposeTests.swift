internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import TestSupport
internal import Testing

extension Integration {
  @Suite("The compose file")
  struct ComposeTests {
    private static let url = Program.repository.appending(path: "docker-compose.yml")

    @Test("gives each process of `tacit up` its environment, translated to this machine")
    func environments() async throws {
      try await withTemporaryDirectory { directory in
        let root = directory.appending(path: "stack")
        let stack = Stack(root: root)
        let up = try await Program.run(
          "tacit", ["up", "--directory", root.path, "--file", Self.url.path, "--free-ports"],
          scratch: directory)
        do {
          try #require(up.status == 0, "\(up)")
          try check(stack)
          let status = try await Program.run(
            "tacit", ["status", "--directory", root.path, "--json"], scratch: directory)
          #expect(status.status == 0, "\(status)")
          let again = try await Program.run(
            "tacit", ["up", "--directory", root.path, "--file", Self.url.path, "--free-ports"],
            scratch: directory)
          #expect(again.status == 1)
          #expect(again.errors.contains("runs already"), "\(again)")
          let down = try await Program.run(
            "tacit", ["down", "--directory", root.path], scratch: directory)
          #expect(down.status == 0)
          #expect(down.output.contains("stopped"), "\(down)")
        } catch {
          try await stack.stop(graceMs: 3_000)
          throw error
        }
        try await stack.stop(graceMs: 3_000)
      }
    }

    private func check(_ stack: Stack) throws {
      let file = try ComposeFile(contentsOf: Self.url)
      let entries = try #require(try stack.record()).entries
      #expect(entries.count == file.services.count)
      for service in file.services {
        let entry = try #require(entries.first { $0.service == service.service.rawValue })
        let variables = try Self.variables(of: entry.process.pid)
        #expect(
          Set(variables.keys.filter { $0.hasPrefix("TACIT_") }) == Set(service.environment.keys),
          "\(service.service)")
        #expect(variables["TACIT_LISTEN"] == "127.0.0.1:\(entry.port)")
        for (name, value) in service.environment where name.hasSuffix("_ENDPOINT") {
          let other = try #require(value.split(separator: ":").first)
          let port = try #require(entries.first { $0.service == other }).port
          #expect(variables[name] == "127.0.0.1:\(port)")
        }
        for (name, value) in service.environment where value.hasPrefix("/") {
          let path = try #require(variables[name])
          #expect(path.hasPrefix(stack.root.path + "/"), "\(name)")
          #expect(FileManager.default.fileExists(atPath: path), "\(name)")
        }
        #expect(variables["TACIT_AS"] == service.service.rawValue)
      }
    }

    @Test("is accepted by docker compose, where that is installed")
    func composeConfig() async throws {
      for command in [["docker-compose"], ["docker", "compose"]] {
        guard try run(command + ["version"]) == 0 else { continue }
        #expect(try run(command + ["--file", Self.url.path, "config", "--quiet"]) == 0)
        return
      }
      print("Skipped: neither docker-compose nor docker compose is installed on this machine.")
    }

    private func run(_ command: [String]) throws -> Int32 {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = command
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      return process.terminationStatus
    }

    /// The environment a process was started with.
    private static func variables(of pid: Int32) throws -> [String: String] {
      let data = try Data(contentsOf: URL(filePath: "/proc/\(pid)/environ"))
      var variables: [String: String] = [:]
      for entry in data.split(separator: 0) {
        let parts = String(decoding: entry, as: UTF8.self).split(
          separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
      }
      return variables
    }
  }
}
