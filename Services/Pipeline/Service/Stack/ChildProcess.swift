package import Foundation
internal import ServiceKit

/// POSIX_SPAWN_SETSID of glibc's <spawn.h>, which the Glibc module leaves out.
private let newSession: Int16 = 0x80

/// A process of the stack, known by its pid and the moment it started, so that a pid that was
/// given to another process later is never taken for it.
package struct ChildProcess: Codable, Hashable, Sendable {
  package let pid: Int32
  /// Field 22 of /proc/<pid>/stat: clock ticks after boot.
  package let startTicks: UInt64

  /// Starts `program` in a session of its own, so that it outlives this process and its terminal;
  /// its output is appended to `log`.
  package static func start(
    program: URL, arguments: [String], environment: [String: String], log: URL
  ) throws -> ChildProcess {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, log.path, O_WRONLY | O_CREAT | O_APPEND, 0o640)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, newSession)

    let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let status = withCStrings([program.path] + arguments) { arguments in
      withCStrings(merged.map { "\($0.key)=\($0.value)" }) { environment in
        var pid: pid_t = 0
        let failure = posix_spawn(
          &pid, program.path, &actions, &attributes, arguments, environment)
        return (failure, pid)
      }
    }
    guard status.0 == 0 else {
      throw CommandFailure("cannot start \(program.path): \(String(cString: strerror(status.0)))")
    }
    return ChildProcess(pid: status.1, startTicks: startTicks(of: status.1) ?? 0)
  }

  /// Whether this very process still runs.
  package var isRunning: Bool {
    // Reaps it where it is a child of this process, so that a zombie does not count as running.
    waitpid(pid, nil, WNOHANG)
    return Self.startTicks(of: pid).map { $0 == startTicks } ?? false
  }

  /// Asks it to finish; after `graceMs` it is killed. Returns whether it finished by itself.
  @discardableResult
  package func stop(graceMs: Int) async throws -> Bool {
    guard isRunning else { return true }
    kill(pid, SIGTERM)
    for _ in 0..<max(1, graceMs / 20) {
      if !isRunning { return true }
      try await Task.sleep(for: .milliseconds(20))
    }
    kill(pid, SIGKILL)
    while isRunning { try await Task.sleep(for: .milliseconds(5)) }
    return false
  }

  private static func startTicks(of pid: Int32) -> UInt64? {
    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let end = stat.lastIndex(of: ")")
    else { return nil }
    let fields = stat[stat.index(after: end)...].split(separator: " ")
    // The first field behind the name is number 3, the state, and number 20 counts the threads. A
    // zombie has ended, but not before its last thread has: one that waits for its disk still holds
    // the process's files, and the lock of a store among them.
    guard fields.count > 19, fields[0] != "Z" || fields[17] != "1" else { return nil }
    return UInt64(fields[19])
  }
}

private func withCStrings<Result>(
  _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
  let pointers = texts.map { strdup($0) }
  defer { pointers.forEach { free($0) } }
  return body(pointers + [nil])
}
