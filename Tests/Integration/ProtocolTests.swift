internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import TestSupport
internal import Testing

extension Integration {
  @Suite("The protocol on a real port")
  struct ProtocolTests {
    /// HELLO of version 1 with the usual limits, as docs/PROTOCOL.md has it.
    private static let hello = bytes(
      "00000016 0801 7a12 0801 1880808002 208001 28808040 30808040")
    /// CALL of tacit.health.v1.Health/Check on stream 1, one second, no request bytes.
    private static let call = bytes("0000000f 0802 1001 1d3c6481c1 2001 28c0843d")

    @Test("garbage is refused, and the next good call is answered")
    func garbage() async throws {
      try await withPlainService { port in
        for text in ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\u{1}\u{2}\u{3}\u{4}garbage"] {
          try expectRefused(port, Array(text.utf8))
        }
        // A length that is allowed, and then no frame.
        try expectRefused(port, Self.hello + [0, 0, 0, 4, 0xFF, 0xFF, 0xFF, 0xFF])
        try expectRefused(port, [0, 0, 0, 4, 0xFF, 0xFF, 0xFF, 0xFF])
      }
    }

    @Test("a frame that is cut off is not acted on, and the next good call is answered")
    func truncated() async throws {
      try await withPlainService { port in
        for byteCount in [1, 3, 4, 5, Self.call.count - 1] {
          try expectRefused(port, Self.hello + Self.call.prefix(byteCount), isFinished: true)
        }
        try expectRefused(port, Array(Self.hello.prefix(7)), isFinished: true)
      }
    }

    @Test("a length past the limit, or of nothing, is refused before anything is read")
    func oversized() async throws {
      try await withPlainService { port in
        for length in ["00000000", "00400001", "01000000", "7fffffff", "ffffffff"] {
          try expectRefused(port, Self.bytes(length))
          try expectRefused(port, Self.hello + Self.bytes(length))
        }
      }
    }

    @Test("a frame that is sent a second time is refused, and the next good call is answered")
    func replayed() async throws {
      try await withPlainService { port in
        try expectRefused(port, Self.hello + Self.hello)
        let socket = try RawSocket(port: port)
        socket.send(Self.hello + Self.call)
        // The service's own HELLO and the answer: the call itself is a good one.
        let answer = try socket.read(atLeast: 12)
        #expect(!answer.isEmpty)
        socket.send(Self.call)
        #expect(try Self.isGoaway(socket.readToEnd()))
      }
    }

    @Test("a port with mutual TLS refuses plain bytes, and goes on serving")
    func plainBytesToTLS() async throws {
      try await withStack { live in
        for process in live.plan.processes {
          for bytes in [
            Self.hello + Self.call, Array("GET / HTTP/1.1\r\n\r\n".utf8), [0x16, 3, 1],
          ] {
            let socket = try RawSocket(port: process.port)
            socket.send(bytes)
            socket.finish()
            _ = try socket.readToEnd()
          }
          #expect(try await live.run(process.service.programName, "health").status == 0)
        }
      }
    }

    // MARK: - Tools

    /// Sends bytes that no honest peer would send: the service hangs up. Where the other side still
    /// listens, it says why.
    private func expectRefused(
      _ port: Int, _ bytes: [UInt8], isFinished: Bool = false,
      at location: SourceLocation = #_sourceLocation
    ) throws {
      let socket = try RawSocket(port: port)
      socket.send(bytes)
      if isFinished { socket.finish() }
      let answer = try socket.readToEnd()
      if !isFinished {
        #expect(Self.isGoaway(answer), "a GOAWAY comes: \(answer)", sourceLocation: location)
      }
      // No REPLY: nothing was acted on.
      #expect(!Self.kinds(answer).contains(3), sourceLocation: location)
    }

    /// Whether the last frame is a GOAWAY.
    private static func isGoaway(_ bytes: [UInt8]) -> Bool { kinds(bytes).last == 9 }

    /// The kinds of the frames in `bytes`: field 1, the first byte pair of each.
    private static func kinds(_ bytes: [UInt8]) -> [UInt8] {
      var kinds: [UInt8] = []
      var rest = bytes[...]
      while rest.count >= 6 {
        let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        let frame = rest.dropFirst(4).prefix(length)
        if frame.first == 0x08, let kind = frame.dropFirst().first { kinds.append(kind) }
        rest = rest.dropFirst(4 + length)
      }
      return kinds
    }

    private static func bytes(_ hexadecimal: String) -> [UInt8] {
      let digits = hexadecimal.filter { $0 != " " }.compactMap(\.hexDigitValue)
      return stride(from: 0, to: digits.count - 1, by: 2).map {
        UInt8(digits[$0] << 4 | digits[$0 + 1])
      }
    }

    /// Runs `body` with the port of a vault that takes plain TCP; a good call is answered
    /// afterwards.
    private func withPlainService(_ body: (Int) async throws -> Void) async throws {
      try await withTemporaryDirectory { directory in
        let trust = directory.appending(path: "trust").path
        try #require(
          try await Program.run("tacit", ["init", "--directory", trust], scratch: directory).status
            == 0)
        let port = try FreePorts.choose(1)[0]
        let service = try Program.start(
          "tacit-vault",
          [
            "serve", "--plain", "--listen", "127.0.0.1:\(port)", "--store",
            directory.appending(path: "store").path, "--kms",
            "file:\(trust)/kms/vault.json",
          ], scratch: directory)
        do {
          let health = ["health", "--plain", "--to", "127.0.0.1:\(port)"]
          try await eventually("the service takes calls") {
            try await Program.run("tacit-vault", health, scratch: directory).status == 0
          }
          try await body(port)
          let after = try await Program.run("tacit-vault", health, scratch: directory)
          #expect(after.status == 0, "\(after)")
        } catch {
          service.kill9()
          _ = try await service.outcome()
          throw error
        }
        service.terminate()
        let outcome = try await service.outcome()
        #expect(outcome.status == 0, "\(outcome)")
      }
    }
  }
}
