import PrivacyCore
import RPC
import Simulation
import Testing
import Transport
import WireFormat

@Suite("The network in memory")
struct NetworkTests {
  @Test("a call goes through, and time passes only in the simulation")
  func call() throws {
    let world = World(seed: 1)
    defer { world.end() }
    let answers = Record<[String]>([])
    try pair(world) { process, client in
      let reply: Blob? = try? await client.unary(Method.echo, Blob("hello"))
      answers.change { $0.append(reply?.text ?? "none") }
      try? await process.time.sleep(milliseconds: 3_600_000)
      let later: Blob? = try? await client.unary(Method.echo, Blob("an hour later"))
      answers.change { $0.append(later?.text ?? "none") }
    }
    world.run(for: 3_700_000_000)
    #expect(answers.value == ["client: hello", "client: an hour later"])
  }

  @Test("one seed gives one history, another seed another one")
  func repeatable() throws {
    func history(_ seed: UInt64) throws -> [String] {
      let world = World(seed: seed)
      defer { world.end() }
      world.network.usualLink.lossPerMille = 30
      world.network.usualLink.reorderPerMille = 100
      world.network.usualLink.splitPerMille = 200
      let events = Record<[String]>([])
      try pair(world) { process, client in
        await withTaskGroup(of: Void.self) { group in
          for number in 0..<50 {
            group.addTask {
              let reply: Blob? = try? await client.unary(Method.echo, Blob("\(number)"))
              events.change {
                $0.append("\(process.time.monotonicMicroseconds) \(reply?.text ?? "none")")
              }
            }
          }
        }
      }
      world.run(for: 5_000_000)
      let seen = events.value
      #expect(seen.count == 50)
      return seen + ["\(world.stepCount)"]
    }
    let first = try history(7)
    #expect(try history(7) == first)
    #expect(try history(8) != first)
  }

  @Test("frames of other streams overtake, those of one stream never do")
  func reordering() throws {
    let world = World(seed: 3)
    defer { world.end() }
    world.network.usualLink.reorderPerMille = 300
    let received = Record<[[Int]]>([])
    let done = Record<[Int]>([])
    try pair(world) { process, client in
      await withTaskGroup(of: Void.self) { group in
        for stream in 0..<4 {
          group.addTask {
            let numbers = try? await Self.chat(client, messageCount: 50)
            received.change { $0.append(numbers ?? []) }
            done.change { $0.append(stream) }
          }
        }
      }
    }
    world.run(for: 60_000_000)
    #expect(received.value == Array(repeating: Array(0..<50), count: 4))
    #expect(done.value != [0, 1, 2, 3], "no stream overtook another one")
  }

  private static func chat(_ client: RPCClient, messageCount: Int) async throws -> [Int] {
    let stream: ClientStream<Blob, Blob> = try await client.bidirectional(Method.chat)
    for number in 0..<messageCount { try await stream.send(Blob("\(number)")) }
    try await stream.finish()
    var numbers: [Int] = []
    for try await reply in stream.replies { numbers.append(Int(reply.text) ?? -1) }
    return numbers
  }

  @Test("a lost segment comes after TCP's timer, with all behind it")
  func loss() throws {
    let world = World(seed: 4)
    defer { world.end() }
    let times = Record<[Int64]>([])
    try pair(world) { process, client in
      let _: Blob? = try? await client.unary(Method.echo, Blob(""))
      world.network.usualLink.lossPerMille = 1_000
      let start = process.time.monotonicMicroseconds
      let _: Blob? = try? await client.unary(Method.echo, Blob(""))
      times.change { $0.append(process.time.monotonicMicroseconds - start) }
    }
    world.run(for: 5_000_000)
    let time = try #require(times.value.first)
    #expect(time >= 400_000 && time < 402_000)
  }

  @Test("a dropped frame never comes; the call ends at its deadline")
  func drop() throws {
    let world = World(seed: 5)
    defer { world.end() }
    let codes = Record<[StatusCode]>([])
    try pair(world) { process, client in
      let _: Blob? = try? await client.unary(Method.echo, Blob(""))
      world.network[from: "client", to: "server"].dropPerMille = 1_000
      do {
        let _: Blob = try await client.unary(
          Method.echo, Blob(""), options: CallOptions(timeoutMs: 700))
      } catch let error as RPCError {
        codes.change { $0.append(error.code) }
      } catch {}
    }
    world.run(for: 5_000_000)
    #expect(codes.value == [.deadlineExceeded])
  }

  @Test("a connection that breaks in the middle of a frame is made again", arguments: 0..<20)
  func cut(seed: UInt64) throws {
    let world = World(seed: seed)
    defer { world.end() }
    let outcome = Record<[String]>([])
    try pair(world) { process, client in
      let _: Blob? = try? await client.unary(Method.echo, Blob(""))
      world.network.usualLink.cutPerMille = 1_000
      let lost: Blob? = try? await client.unary(Method.echo, Blob("lost"))
      world.network.usualLink.cutPerMille = 0
      try? await process.time.sleep(milliseconds: 500)
      let found: Blob? = try? await client.unary(Method.echo, Blob("found"))
      outcome.change { $0 = [lost?.text ?? "none", found?.text ?? "none"] }
    }
    world.run(for: 30_000_000)
    #expect(outcome.value == ["none", "client: found"])
  }

  @Test("what is sent into a partition comes when it is over")
  func partition() throws {
    let world = World(seed: 6)
    defer { world.end() }
    let times = Record<[Int64]>([])
    try pair(world) { process, client in
      let _: Blob? = try? await client.unary(Method.echo, Blob(""))
      world.network[from: "server", to: "client"].isBlocked = true
      world.after(2_000_000) { world.network[from: "server", to: "client"].isBlocked = false }
      let start = process.time.monotonicMicroseconds
      let reply: Blob? = try? await client.unary(Method.echo, Blob(""))
      if reply != nil { times.change { $0.append(process.time.monotonicMicroseconds - start) } }
    }
    world.run(for: 10_000_000)
    let time = try #require(times.value.first)
    #expect(time >= 2_200_000 && time < 2_205_000)
  }

  @Test(
    "a large answer delays a small call by one piece of it at most", arguments: [1, 3])
  func smallBesideLarge(largeCount: Int) throws {
    let world = World(seed: 11)
    defer { world.end() }
    // A piece takes 6.6 ms, four mebibytes take 420.
    world.network[from: "server", to: "client"].bytesPerSecond = 10_000_000
    let pieceUs: Int64 = 65_600 / 10
    let delays = Record<[Int64]>([])
    let largeDone = Record<[Int64]>([])
    try pair(world) { process, client in
      let _: Blob? = try? await client.unary(Method.echo, Blob("warm"))
      let time = process.time
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<largeCount {
          group.addTask {
            let large: Blob? = try? await client.unary(Method.large, Blob("\(4 << 20)"))
            let end = time.monotonicMicroseconds
            if large?.bytes.count == 4 << 20 { largeDone.change { $0.append(end) } }
          }
        }
        group.addTask {
          for _ in 0..<20 {
            try? await time.sleep(microseconds: 17_000)
            let start = time.monotonicMicroseconds
            let _: Blob? = try? await client.unary(Method.echo, Blob(count: 64))
            let delay = time.monotonicMicroseconds - start
            delays.change { $0.append(delay) }
          }
        }
      }
    }
    world.run(for: 10_000_000)
    #expect(largeDone.value.count == largeCount)
    try #require(delays.value.count == 20)
    // Beside the piece that is under way; a millisecond is for the way there and back.
    #expect(delays.value.allSatisfy { $0 <= 2 * pieceUs + 1_000 }, "\(delays.value)")
    #expect(delays.value.contains { $0 > pieceUs / 2 }, "the line was never busy")
  }

  @Test("small answers do not hold up a large one")
  func largeBesideSmall() throws {
    let world = World(seed: 12)
    defer { world.end() }
    world.network[from: "server", to: "client"].bytesPerSecond = 10_000_000
    let end = Record<Int64>(0)
    let smallCount = Record(0)
    try pair(world) { process, client in
      let _: Blob? = try? await client.unary(Method.echo, Blob("warm"))
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          let _: Blob? = try? await client.unary(Method.large, Blob("\(1 << 20)"))
          let now = process.time.monotonicMicroseconds
          end.change { $0 = now }
        }
        // More than the line takes.
        for _ in 0..<64 {
          group.addTask {
            while end.value == 0 {
              let _: Blob? = try? await client.unary(Method.large, Blob("30000"))
              smallCount.change { $0 += 1 }
            }
          }
        }
      }
    }
    world.run(for: 10_000_000)
    // Alone it takes 105 ms; half of the line is its.
    #expect(end.value > 0 && end.value < 600_000, "\(end.value)")
    #expect(smallCount.value > 20)
  }

  @Test("a killed server is refused at once, and found again after its next life")
  func kill() throws {
    let world = World(seed: 8)
    defer { world.end() }
    let endpoint = try Endpoint("127.0.0.1:7001")
    let outcome = Record<[String]>([])
    let first = try serve(world, on: endpoint)
    let client = world.process("client")
    client.start {
      guard let connection = try? client.client(of: endpoint) else { return }
      for _ in 0..<3 {
        let options = CallOptions(timeoutMs: 1_000, connectsAtOnce: true)
        do {
          let reply: Blob = try await connection.unary(Method.echo, Blob("hi"), options: options)
          outcome.change { $0.append(reply.text) }
        } catch {
          outcome.change { $0.append("\(error)") }
        }
        try? await client.time.sleep(milliseconds: 1_000)
      }
    }
    world.run(for: 500_000)
    first.kill()
    world.run(for: 1_000_000)
    _ = try serve(world, on: endpoint)
    world.run(for: 3_000_000)
    let seen = outcome.value
    try #require(seen.count == 3)
    #expect(seen[0] == "client: hi" && seen[2] == "client: hi")
    #expect(seen[1].contains("connection refused"))
  }

  @Test("a stopped process takes no step and finds everything when it goes on")
  func stop() throws {
    let world = World(seed: 9)
    defer { world.end() }
    let endpoint = try Endpoint("127.0.0.1:7001")
    let server = try serve(world, on: endpoint)
    let client = world.process("client")
    let times = Record<[Int64]>([])
    client.start {
      guard let connection = try? client.client(of: endpoint) else { return }
      let _: Blob? = try? await connection.unary(Method.echo, Blob(""))
      let start = client.time.monotonicMicroseconds
      server.stop()
      world.after(1_500_000) { server.resume() }
      let reply: Blob? = try? await connection.unary(Method.echo, Blob(""))
      if reply != nil { times.change { $0.append(client.time.monotonicMicroseconds - start) } }
    }
    world.run(for: 5_000_000)
    let time = try #require(times.value.first)
    #expect(time >= 1_500_000 && time < 1_502_000)
  }

  @Test("a duplicated connection makes the same calls again")
  func duplicate() throws {
    let world = World(seed: 10)
    defer { world.end() }
    world.network.keepsRecords = true
    let endpoint = try Endpoint("127.0.0.1:7001")
    let server = world.process("server")
    let calls = Record(0)
    server.start {
      var router = Router()
      router.unary(Method.echo) { (request: Blob, context: CallContext) async throws -> Blob in
        calls.change { $0 += 1 }
        return request
      }
      let rpc = RPCServer(
        router: router, endpoint: endpoint, security: .plainLoopback, authorizer: OpenDoor(),
        network: server.network, time: server.time, log: quiet)
      _ = try? await rpc.start()
    }
    let client = world.process("client")
    client.start {
      try? await client.time.sleep(milliseconds: 1)
      guard let connection = try? client.client(of: endpoint) else { return }
      for _ in 0..<3 { let _: Blob? = try? await connection.unary(Method.echo, Blob("x")) }
    }
    world.run(for: 1_000_000)
    #expect(calls.value == 3)
    #expect(world.network.duplicate(from: "client", to: "server"))
    world.run(for: 1_000_000)
    #expect(calls.value == 6)
    #expect(!world.network.duplicate(from: "server", to: "client"))
  }

  // MARK: - Parts

  /// A server and a client that does `body` once the server listens.
  private func pair(
    _ world: World, _ body: @escaping @Sendable (SimulatedProcess, RPCClient) async -> Void
  ) throws {
    let endpoint = try Endpoint("127.0.0.1:7001")
    _ = try serve(world, on: endpoint)
    let client = world.process("client")
    client.start {
      guard let connection = try? client.client(of: endpoint) else { return }
      await body(client, connection)
    }
  }

  private func serve(_ world: World, on endpoint: Endpoint) throws -> SimulatedProcess {
    let server = world.process("server")
    let rpc = server.echoServer(on: endpoint)
    server.start { _ = try? await rpc.start() }
    world.run(for: 1_000)
    return server
  }
}
