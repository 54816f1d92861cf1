internal import Foundation
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
  final class Running {
    let process: Process
    private let output: URL
    private let errors: URL
    private let ended: AsyncStream<Void>

    fileprivate init(
      _ name: String, _ arguments: [String], environment: [String: String], input: String?,
      scratch: URL
    ) throws {
      let id = UUID().uuidString
      output = scratch.appending(path: "\(id).out")
      errors = scratch.appending(path: "\(id).err")
      process = Process()
      process.executableURL = try Program.directory().appending(path: name)
      process.arguments = arguments
      process.currentDirectoryURL = Program.repository
      // Settings of whoever runs the tests must not reach the programs.
      process.environment = ProcessInfo.processInfo.environment
        .filter { !$0.key.hasPrefix("TACIT_") }.merging(environment) { $1 }
      process.standardOutput = try Self.create(output)
      process.standardError = try Self.create(errors)
      if let input {
        let file = scratch.appending(path: "\(id).in")
        try Data(input.utf8).write(to: file)
        process.standardInput = try FileHandle(forReadingFrom: file)
      } else {
        process.standardInput = FileHandle.nullDevice
      }
      let (stream, continuation) = AsyncStream<Void>.makeStream()
      ended = stream
      process.terminationHandler = { _ in continuation.finish() }
      try process.run()
    }

    /// Waits for its end; a program that hangs is killed after `limitSeconds`.
    func outcome(limitSeconds: Int = 120) async throws -> Outcome {
      let identifier = process.processIdentifier
      let watch = Task {
        try await Task.sleep(for: .seconds(limitSeconds))
        kill(identifier, SIGKILL)
      }
      for await _ in ended {}
      watch.cancel()
      defer {
        for file in [output, errors] { try? FileManager.default.removeItem(at: file) }
      }
      return Outcome(
        status: process.terminationStatus,
        wasKilled: process.terminationReason == .uncaughtSignal,
        output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
        errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    }

    /// Ends it at once, as a power cut would.
    func kill9() { kill(process.processIdentifier, SIGKILL) }

    private static func create(_ url: URL) throws -> FileHandle {
      try Data().write(to: url)
      return try FileHandle(forWritingTo: url)
    }
  }

  /// Starts a program; its streams go to files in `scratch`.
  static func start(
    _ name: String, _ arguments: [String], environment: [String: String] = [:],
    input: String? = nil, scratch: URL
  ) throws -> Running {
    try Running(name, arguments, environment: environment, input: input, scratch: scratch)
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
