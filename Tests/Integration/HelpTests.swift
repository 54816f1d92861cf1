internal import Foundation
internal import TestSupport
internal import Testing

extension Integration {
  @Suite("Help")
  struct HelpTests {
    /// What a program says of its commands, for tools.
    private struct Dump: Decodable {
      struct Command: Decodable {
        let commandName: String
        let subcommands: [Command]?
      }
      let command: Command
    }

    private static let columnCountMax = 100

    @Test(
      "of every program and every subcommand exits 0, shows an example and fits 100 columns",
      arguments: Program.names)
    func help(program: String) async throws {
      let dump = try await Program.run(program, ["--experimental-dump-help"])
      let tree = try dump.json(Dump.self).command
      var commands: [[String]] = []
      func collect(_ command: Dump.Command, _ path: [String]) {
        commands.append(path)
        for child in command.subcommands ?? [] where child.commandName != "help" {
          collect(child, path + [child.commandName])
        }
      }
      collect(tree, [])
      #expect(commands.count > 1)
      for command in commands {
        let name = ([program] + command).joined(separator: " ")
        let outcome = try await Program.run(program, command + ["--help"])
        #expect(outcome.status == 0, "\(name)")
        #expect(outcome.errors.isEmpty, "\(name): \(outcome.errors)")
        #expect(
          outcome.output.contains("Example") || outcome.output.contains("example"),
          "\(name) --help shows no example")
        for line in outcome.output.split(separator: "\n") where line.count > Self.columnCountMax {
          Issue.record("\(name) --help has a line of \(line.count) columns: \(line)")
        }
        Self.expectWholeExamples(outcome.output, name)
        let unknown = try await Program.run(program, command + ["--no-such-option"])
        #expect(unknown.status == 2, "\(name) --no-such-option: \(unknown.status)")
        #expect(!unknown.errors.isEmpty, "\(name)")
      }
    }

    /// Fails where a line of an example, which is indented, was too long and went on at the margin.
    private static func expectWholeExamples(_ help: String, _ name: String) {
      let lines = help.prefix(upTo: help.firstRange(of: "USAGE:")?.lowerBound ?? help.endIndex)
        .split(separator: "\n", omittingEmptySubsequences: false)
      for (line, next) in zip(lines, lines.dropFirst())
      where line.hasPrefix("  ") && !next.isEmpty && !next.hasPrefix("  ") {
        Issue.record("\(name) --help has a broken example: \(line) / \(next)")
      }
    }

    @Test("an unknown subcommand exits 2, and the version is that of the package")
    func usage() async throws {
      for program in Program.names {
        #expect(try await Program.run(program, ["no-such-command"]).status == 2, "\(program)")
        let version = try await Program.run(program, ["--version"])
        #expect(version.status == 0)
        #expect(version.output.contains("."), "\(version)")
      }
    }
  }
}
