internal import Logging
internal import NIOCore
internal import PrivacyCore
internal import Transport

/// The network between the processes of a world: who listens where, what the ways between them do
/// to what is sent, and the connections that are open.
///
/// `@unchecked Sendable`: see `World`.
package final class SimulatedNetwork: @unchecked Sendable {
  unowned let world: World
  /// Whether connections keep what their clients send, so that they can be duplicated.
  package var keepsRecords = false

  private struct Door {
    let process: SimulatedProcess
    let setup: ConnectionSetup
  }

  private final class Connection {
    let client: SimulatedChannel
    let server: SimulatedChannel
    let toServer: Wire
    let toClient: Wire
    let endpoint: Endpoint

    init(
      client: SimulatedChannel, server: SimulatedChannel, toServer: Wire, toClient: Wire,
      endpoint: Endpoint
    ) {
      self.client = client
      self.server = server
      self.toServer = toServer
      self.toClient = toClient
      self.endpoint = endpoint
    }
  }

  private var doors: [Endpoint: Door] = [:]
  private var links: [LinkName: Link] = [:]
  private var connections: [Connection] = []
  private var openChannels: [ObjectIdentifier: SimulatedChannel] = [:]

  init(world: World) { self.world = world }

  // MARK: - Links

  /// What every way does that nothing else is said of.
  package var usualLink = Link()

  subscript(name: LinkName) -> Link { links[name] ?? usualLink }

  /// What happens to what goes from one process to another, by their names.
  package subscript(from from: String, to to: String) -> Link {
    get { self[LinkName(from: from, to: to)] }
    set {
      let name = LinkName(from: from, to: to)
      let wasBlocked = self[name].isBlocked
      links[name] = newValue
      guard wasBlocked, !newValue.isBlocked else { return }
      for connection in connections {
        for (wire, sender, receiver) in [
          (connection.toServer, connection.client, connection.server),
          (connection.toClient, connection.server, connection.client),
        ] where sender.process.name == from && receiver.process.name == to {
          wire.release()
        }
      }
    }
  }

  /// Every way is healthy again.
  package func heal() {
    for name in links.keys.sorted(by: { ($0.from, $0.to) < ($1.from, $1.to) }) {
      self[from: name.from, to: name.to] = usualLink
    }
  }

  // MARK: - Connections

  /// How many connections are open between two processes.
  package func connectionCount(from client: String, to server: String) -> Int {
    connections.count { $0.client.process.name == client && $0.server.process.name == server }
  }

  /// Breaks the connections between two processes, as a router that forgets them does.
  package func cut(from client: String, to server: String) {
    for connection in connections
    where connection.client.process.name == client && connection.server.process.name == server {
      for channel in [connection.client, connection.server] {
        channel.process.after(world.random.number(in: 10...500)) { channel.breakOff() }
      }
    }
  }

  /// Makes the server see a second connection on which everything comes again that the client has
  /// sent so far; what the server answers there goes nowhere. Whether there was one to duplicate.
  @discardableResult
  package func duplicate(from client: String, to server: String) -> Bool {
    for connection in connections
    where connection.client.process.name == client && connection.server.process.name == server {
      guard let frames = connection.toServer.record, let door = doors[connection.endpoint] else {
        continue
      }
      let nowhere = Wire(self, LinkName(from: server, to: "nowhere"), isRecorded: false)
      let channel = SimulatedChannel(door.process, sendsOn: nowhere)
      let identity = Self.identity(of: connection.client.process)
      door.process.after(0) {
        guard (try? door.setup(channel, Handshake(plain: identity))) != nil else { return }
        channel.open()
        for frame in frames { channel.receive(frame.bytes) }
      }
      return true
    }
    return false
  }

  func remember(_ channel: SimulatedChannel) { openChannels[ObjectIdentifier(channel)] = channel }

  /// Closes every end of a connection that is left.
  func closeAll() {
    for channel in openChannels.values {
      world.inLoop(of: channel.process) { channel.abort() }
    }
  }

  func forget(_ channel: SimulatedChannel) {
    openChannels[ObjectIdentifier(channel)] = nil
    connections.removeAll { !$0.client.isOpen && !$0.server.isOpen }
  }

  /// Takes a process that was killed off the network.
  func abandon(_ process: SimulatedProcess) {
    doors = doors.filter { $0.value.process !== process }
    for connection in connections {
      for channel in [connection.client, connection.server] where channel.process === process {
        world.inLoop(of: process) { channel.abort() }
      }
    }
  }

  // MARK: - What processes ask for

  fileprivate func listen(
    _ process: SimulatedProcess, on endpoint: Endpoint, setup: @escaping ConnectionSetup
  ) throws(TransportError) -> Listener {
    guard !process.isDead else {
      throw .cannotListen(endpoint: endpoint.description, reason: "the process is dead")
    }
    var bound = endpoint
    if endpoint.port == 0 {
      bound = try endpoint.with(port: 10_000 + Int(world.random.next() % 50_000))
    }
    guard doors[bound] == nil else {
      throw .cannotListen(endpoint: bound.description, reason: "address already in use")
    }
    doors[bound] = Door(process: process, setup: setup)
    let endpoint = bound
    return Listener(endpoint: endpoint) { [weak self] in
      if self?.doors[endpoint]?.process === process { self?.doors[endpoint] = nil }
    }
  }

  /// Connects, and tells `done` on the client's event loop.
  fileprivate func connect(
    _ process: SimulatedProcess, to endpoint: Endpoint, timeout: Int64,
    setup: @escaping ConnectionSetup,
    done: @escaping (Result<SimulatedChannel, TransportError>) -> Void
  ) {
    let failure = { (reason: String) in
      TransportError.cannotConnect(endpoint: endpoint.description, reason: reason)
    }
    guard let door = doors[endpoint] else {
      process.after(world.random.number(in: usualLink.delay)) {
        done(.failure(failure("connection refused")))
      }
      return
    }
    let there = LinkName(from: process.name, to: door.process.name)
    let back = LinkName(from: door.process.name, to: process.name)
    guard !self[there].isBlocked, !self[back].isBlocked else {
      process.after(timeout) { done(.failure(failure("connect timeout"))) }
      return
    }
    let delay = world.random.number(in: self[there].delay)
    let backDelay = world.random.number(in: self[back].delay)
    let (toServer, toClient) = (
      Wire(self, there, isRecorded: keepsRecords), Wire(self, back, isRecorded: false)
    )
    let client = SimulatedChannel(process, sendsOn: toServer)
    let server = SimulatedChannel(door.process, sendsOn: toClient)
    toServer.connect(from: client, to: server)
    toClient.connect(from: server, to: client)
    connections.append(
      Connection(
        client: client, server: server, toServer: toServer, toClient: toClient,
        endpoint: endpoint))
    let identity = Self.identity(of: process)
    let serverIdentity = Self.identity(of: door.process)
    door.process.after(delay) {
      guard server.isOpen, (try? door.setup(server, Handshake(plain: identity))) != nil else {
        return
      }
      server.open()
    }
    process.after(delay + backDelay) {
      // The other side may be gone before this one knows that it was there.
      guard client.isOpen else {
        done(.failure(failure("connection reset by peer")))
        return
      }
      do {
        try setup(client, Handshake(plain: serverIdentity))
        done(.success(client))
        client.open()
      } catch {
        done(.failure(failure("\(error)")))
      }
    }
  }

  private static func identity(of process: SimulatedProcess) -> PeerIdentity {
    (try? PeerIdentity.service(process.name)) ?? .local
  }
}

/// A process's end of the network.
struct ProcessNetwork: Network {
  let process: SimulatedProcess

  func eventLoop() -> any EventLoop { process.loop }

  var taskExecutor: (any TaskExecutor)? { process.executor }

  func listen(
    on endpoint: Endpoint, security: ServerSecurity, log: Logger,
    setup: @escaping ConnectionSetup
  ) async throws(TransportError) -> Listener {
    try process.world.network.listen(process, on: endpoint, setup: setup)
  }

  func connect(
    to endpoint: Endpoint, security: ClientConnectionSecurity, eventLoop: any EventLoop,
    timeout: TimeAmount, setup: @escaping ConnectionSetup
  ) async throws(TransportError) -> any Channel {
    let result: Result<SimulatedChannel, TransportError> = await withCheckedContinuation {
      continuation in
      let answer = Answer(continuation)
      let dead = TransportError.cannotConnect(
        endpoint: endpoint.description, reason: "the process is dead")
      guard !process.isDead else {
        answer.give(.failure(dead))
        return
      }
      let farewell = process.atDeath { answer.give(.failure(dead)) }
      process.world.network.connect(
        process, to: endpoint, timeout: timeout.nanoseconds / 1_000, setup: setup
      ) { result in
        process.forgetDeath(farewell)
        answer.give(result)
      }
    }
    return try result.get()
  }

  /// The answer to one attempt, given once.
  ///
  /// `@unchecked Sendable`: see `World`.
  private final class Answer: @unchecked Sendable {
    typealias Value = Result<SimulatedChannel, TransportError>
    private var continuation: CheckedContinuation<Value, Never>?

    init(_ continuation: CheckedContinuation<Value, Never>) { self.continuation = continuation }

    func give(_ result: Value) {
      guard let waiting = continuation else { return }
      continuation = nil
      waiting.resume(returning: result)
    }
  }
}
