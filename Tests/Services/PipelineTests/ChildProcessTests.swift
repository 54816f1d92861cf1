internal import Foundation
internal import Pipeline
internal import TestSupport
internal import Testing

@Suite("A process of the stack")
struct ChildProcessTests {
  @Test("runs until its last thread has ended: one that waits for its disk still holds its files")
  func lastThread() async throws {
    try await withTemporaryDirectory { directory in
      // The first thread leaves, the other one stays.
      let program = """
        import ctypes, threading, time
        threading.Thread(target=time.sleep, args=(60,)).start()
        ctypes.CDLL(None).pthread_exit(None)
        """
      let child = try ChildProcess.start(
        program: URL(filePath: "/usr/bin/env"), arguments: ["python3", "-c", program],
        environment: [:], log: directory.appending(path: "log"))
      defer { kill(child.pid, SIGKILL) }
      try await wait { state(of: child) == "Z" }
      #expect(child.isRunning)
      kill(child.pid, SIGKILL)
      try await wait { !child.isRunning }
    }
  }

  private func wait(until isSo: () -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(10)
    while !isSo() {
      try #require(ContinuousClock.now < end)
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  private func state(of child: ChildProcess) -> Substring? {
    let stat = try? String(contentsOfFile: "/proc/\(child.pid)/stat", encoding: .utf8)
    return stat?.split(separator: ")").last?.split(separator: " ").first
  }
}
