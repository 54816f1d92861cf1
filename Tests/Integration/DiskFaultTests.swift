internal import Foundation
internal import Glibc
internal import Pipeline
internal import ServiceKit
internal import Testing

extension Integration {
  @Suite("A disk that fails under the consent service")
  struct DiskFaultTests {
    @Test(
      "a withdrawal that cannot be made durable is not acknowledged; nothing acknowledged is lost")
    func failingSync() async throws {
      try await withStack { live in
        let library = live.directory.appending(path: "failing_disk.so")
        let compiler = try await Program.runTool(
          "gcc",
          [
            "-shared", "-fPIC", "-o", library.path,
            Program.repository.appending(path: "Tests/Tools/FailingDisk/failing_disk.c").path,
          ], scratch: live.directory)
        try #require(compiler.status == 0, "\(compiler)")
        let mark = live.directory.appending(path: "broken")
        try await restartConsent(
          live, changing: ["LD_PRELOAD": library.path, "TACIT_TEST_FAULT": mark.path])

        let (first, second) = (Self.pid(1), Self.pid(2))
        try await grant(first, live)
        try await live.done("tacit-consent", "withdraw", "--pid", first, "--source", "test")
        try await grant(second, live)

        try Data().write(to: mark)
        let refused = try await live.run(
          "tacit-consent", "withdraw", "--pid", second, "--source", "test")
        #expect(refused.status == 1, "\(refused)")
        #expect(!refused.errors.isEmpty)
        // What was durable before can still be read.
        #expect(try await check(first, live).output.contains("withdrawn"))
        try await eventually("the log says why") {
          let log = try live.log(of: .consent)
          return log.contains("the store refuses writes") && log.contains("nput/output error")
        }

        try FileManager.default.removeItem(at: mark)
        try await live.kill9(.consent)
        try await live.restart(.consent)
        #expect(try await check(first, live).output.contains("withdrawn"))
        try await live.done("tacit-consent", "withdraw", "--pid", second, "--source", "test")
        #expect(try await check(second, live).output.contains("withdrawn"))
        try await live.done("tacit-consent", "verify")
      }
    }

    @Test(
      "a full disk refuses receipts by name, keeps reads, and loses nothing acknowledged",
      .enabled(if: geteuid() == 0, "mounting a small file system takes root"))
    func fullDisk() async throws {
      try await withStack { live in
        let disk = live.directory.appending(path: "small")
        try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
        let mounted = try await Program.runTool(
          "mount", ["-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", disk.path],
          scratch: live.directory)
        try #require(mounted.status == 0, "\(mounted)")
        do {
          try await fill(live, on: disk)
        } catch {
          try await unmount(disk, live)
          throw error
        }
        try await unmount(disk, live)
      }
    }

    private func fill(_ live: LiveStack, on disk: URL) async throws {
      let store = disk.appending(path: "store").path
      try await restartConsent(live, changing: ["TACIT_STORE": store])
      let pid = Self.pid(1)
      try await grant(pid, live)
      try await live.done("tacit-consent", "withdraw", "--pid", pid, "--source", "test")
      // Lines enough for several times the disk.
      var text = ""
      for number in 100..<20_100 {
        text += """
          {"consent_id":"c_\(Self.ulid(number))","user_id_hashed":"hmac:sha256:\(Self.pid(number))",\
          "scopes":["analytics"],"granted_at":"2026-01-10T12:34:56Z",\
          "expires_at":"2036-01-10T12:34:56Z","source":"test","version":1}

          """
      }
      let file = try live.file("many.jsonl", text)
      let refused = try await live.run("tacit-consent", "import", file)
      #expect(refused.status == 1, "\(refused)")
      #expect(refused.text.contains("full"), "\(refused)")
      #expect(try await check(pid, live).output.contains("withdrawn"))
      try await eventually("the log says why") {
        try live.log(of: .consent).contains("the disk is full")
      }
      // With a larger disk it writes again by itself, and all that was acknowledged is there.
      let larger = try await Program.runTool(
        "mount", ["-o", "remount,size=200m", disk.path], scratch: live.directory)
      try #require(larger.status == 0, "\(larger)")
      let other = Self.pid(2)
      try await eventually("receipts are taken again") {
        try await live.run(
          "tacit-consent", "grant", "--pid", other, "--scope", "analytics", "--days", "30",
          "--source", "test", "--notice-version", "1"
        ).status == 0
      }
      try await restartConsent(live, changing: ["TACIT_STORE": store])
      #expect(try await check(other, live).output.contains("granted"))
      #expect(try await check(pid, live).output.contains("withdrawn"))
      try await live.done("tacit-consent", "verify")
      try await live.kill9(.consent)
    }

    // MARK: - Parts

    private func unmount(_ disk: URL, _ live: LiveStack) async throws {
      _ = try await Program.runTool("umount", ["-l", disk.path], scratch: live.directory)
    }

    private func restartConsent(
      _ live: LiveStack, changing changes: [String: String]
    ) async throws {
      if try live.child(of: .consent).isRunning { try await live.kill9(.consent) }
      try await live.stack.restart(try live.process(of: .consent).changing(changes))
    }

    private func grant(_ pid: String, _ live: LiveStack) async throws {
      try await live.done(
        "tacit-consent", "grant", "--pid", pid, "--scope", "analytics", "--days", "30", "--source",
        "test", "--notice-version", "1")
    }

    private func check(_ pid: String, _ live: LiveStack) async throws -> Program.Outcome {
      try await live.run("tacit-consent", "check", "--pid", pid, "--scope", "analytics")
    }

    private static func ulid(_ number: Int) -> String {
      let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
      var (text, rest) = ("", number)
      for _ in 0..<6 {
        text = String(digits[rest & 31]) + text
        rest >>= 5
      }
      return "01KEMQ8VJ0" + "0000000000" + text
    }

    private static func pid(_ number: Int) -> String {
      let bytes = (0..<32).map { UInt8(truncatingIfNeeded: number >> ($0 % 4 * 8) &+ $0) }
      return Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
        .replacing("=", with: "")
    }
  }
}
