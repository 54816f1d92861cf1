internal import Foundation
internal import Glibc
internal import ServiceKit
internal import Testing

/// The programs of this package, started as an administrator would start them.
enum Program {
  /// Where the sources are: the directory of docker-compose.yml and of the examples.
  static let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// All six.
  static let names = ["tacit"] + WellKnownService.allCases.map(\.programName)

  /// The directory of the programs that were built beside the tests.
  static func directory() throws -> URL {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    // The tests run in their own executable, or in a helper that is told where theirs is.
    let candidates = ([tests] + CommandLine.arguments).map {
      URL(filePath: $0).deletingLastPathComponent()
    }
    return try #require(
      candidates.first {
        FileManager.default.isExecutableFile(atPath: $0.appending(path: "tacit").path)
      }, "the programs stand beside the tests")
  }

  /// What a program did.
  struct Outcome: CustomStringConvertible {
    let status: Int32
    /// Whether a signal ended it.
    let wasKilled: Bool
    let output: String
    let errors: String

    /// Both streams.
    var text: String { output + errors }

    var description: String { "exit \(status)\n\(output)\(errors)" }

    /// The output, read as JSON.
    func json<Value: Decodable>(_ type: Value.Type) throws -> Value {
      try JSONDecoder().decode(type, from: Data(output.utf8))
    }
  }

  /// A program that runs.
  struct Running {
    private let pid: pid_t
    private let output: URL
    private let errors: URL

    fileprivate init(
      path: String, _ arguments: [String], environment: [String: String], input: String?,
      scratch: URL
    ) throws {
      let id = UUID().uuidString
      output = scratch.appending(path: "\(id).out")
      errors = scratch.appending(path: "\(id).err")
      var inputPath = "/dev/null"
      if let input {
        let file = scratch.appending(path: "\(id).in")
        try Data(input.utf8).write(to: file)
        inputPath = file.path
      }
      // Settings of whoever runs the tests must not reach the programs.
      let environment = ProcessInfo.processInfo.environment
        .filter { !$0.key.hasPrefix("TACIT_") }.merging(environment) { $1 }
      pid = try Self.spawn(
        path, arguments, environment: environment,
        paths: [inputPath, output.path, errors.path])
    }

    /// Waits for its end; a program that hangs is killed after `limitSeconds`.
    func outcome(limitSeconds: Int = 120) async throws -> Outcome {
      let deadline = ContinuousClock.now + .seconds(limitSeconds)
      var status: Int32 = 0
      while waitpid(pid, &status, WNOHANG) == 0 {
        if ContinuousClock.now > deadline { kill9() }
        try await Task.sleep(for: .milliseconds(3))
      }
      defer {
        for file in [output, errors] { try? FileManager.default.removeItem(at: file) }
      }
      // As the macros of <sys/wait.h> read it.
      let signal = status & 0x7F
      return Outcome(
        status: signal == 0 ? status >> 8 & 0xFF : signal, wasKilled: signal != 0,
        output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
        errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    }

    /// Asks it to finish.
    func terminate() { kill(pid, SIGTERM) }

    /// Ends it at once, as a power cut would.
    func kill9() { kill(pid, SIGKILL) }

    /// Starts a process whose three streams are the files at `paths`.
    private static func spawn(
      _ path: String, _ arguments: [String], environment: [String: String], paths: [String]
    ) throws -> pid_t {
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      for (stream, path) in paths.enumerated() {
        posix_spawn_file_actions_addopen(
          &actions, Int32(stream), path, stream == 0 ? O_RDONLY : O_WRONLY | O_CREAT, 0o600)
      }
      // `env` gives way to the program, in the directory of the sources.
      let start = ["/usr/bin/env", "--chdir=\(Program.repository.path)", path]
      let words = (start + arguments).map { strdup($0) }
      let variables = environment.map { strdup("\($0.key)=\($0.value)") }
      defer { (words + variables).forEach { free($0) } }
      var pid: pid_t = 0
      let status = posix_spawn(&pid, start[0], &actions, nil, words + [nil], variables + [nil])
      try #require(status == 0, "\(path) starts")
      return pid
    }
  }

  /// Starts a program; its streams go to files in `scratch`.
  static func start(
    _ name: String, _ arguments: [String], environment: [String: String] = [:],
    input: String? = nil, scratch: URL
  ) throws -> Running {
    try Running(
      path: directory().appending(path: name).path, arguments, environment: environment,
      input: input, scratch: scratch)
  }

  /// Runs a program to its end.
  static func run(
    _ name: String, _ arguments: [String], environment: [String: String] = [:],
    input: String? = nil, scratch: URL = FileManager.default.temporaryDirectory
  ) async throws -> Outcome {
    try await start(name, arguments, environment: environment, input: input, scratch: scratch)
      .outcome()
  }
}

extension Program {
  /// Runs a tool of the system to its end.
  static func runTool(
    _ name: String, _ arguments: [String], scratch: URL
  ) async throws -> Outcome {
    try await Running(path: name, arguments, environment: [:], input: nil, scratch: scratch)
      .outcome()
  }
}

/// Asks until `condition` holds. The limit only ends a test that would hang.
func eventually(
  _ what: String, limitSeconds: Double = 60, pauseMs: Int = 10,
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + .seconds(limitSeconds)
  while try await !condition() {
    try #require(ContinuousClock.now < deadline, "after \(limitSeconds) s: \(what)")
    try await Task.sleep(for: .milliseconds(pauseMs))
  }
}
