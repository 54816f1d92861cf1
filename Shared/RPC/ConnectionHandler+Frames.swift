internal import Logging
internal import NIOCore
internal import PrivacyCore
internal import Transport
internal import WireFormat

// HELLO, PING, PONG and GOAWAY, and which frame goes where.
extension ConnectionHandler {
  static let protocolVersion: UInt32 = 1

  var isServer: Bool { server != nil }

  /// Sends our HELLO, as soon as the peer is known.
  func greet() {
    guard phase == .connecting else { return }
    phase = .greeting
    peer = handshake.identity
    var hello = Hello()
    hello.version = Self.protocolVersion
    hello.frameByteCountMax = UInt32(limits.messageByteCountMax)
    hello.streamCountMax = UInt32(limits.streamCountMax)
    hello.streamCredit = UInt32(limits.streamCredit)
    hello.connectionCredit = UInt32(limits.connectionCredit)
    hello.schema = schemaFingerprint
    hello.role = isServer ? "server" : "client"
    hello.build = buildName
    send(FrameHead(.hello), payload: ByteBuffer(hello))
  }

  /// Handles one frame.
  func receive(_ frame: InboundFrame) throws(ConnectionViolation) {
    let kind = frame.kind
    guard frame.flags.isSubset(of: .known) else {
      throw ConnectionViolation(
        .invalidArgument, "a frame with unknown flags \(frame.flags.rawValue)")
    }
    if phase == .greeting || phase == .connecting {
      guard kind == .hello || kind == .goaway else {
        throw ConnectionViolation(.failedPrecondition, "a frame before HELLO")
      }
    }
    switch kind {
    case .hello: try receiveHello(frame)
    case .call: try receiveCall(frame)
    case .reply: try receiveReply(frame)
    case .data: try receiveData(frame)
    case .credit: try receiveCredit(frame)
    case .cancel: try receiveCancel(frame)
    case .ping: try receivePing(frame)
    case .pong: pingSentAt = nil
    case .goaway: try receiveGoaway(frame)
    case .unspecified, .unrecognized:
      throw ConnectionViolation(.unimplemented, "a frame of unknown kind \(kind.rawValue)")
    }
  }

  // MARK: - HELLO

  private func receiveHello(_ frame: InboundFrame) throws(ConnectionViolation) {
    guard phase == .greeting else {
      throw ConnectionViolation(.failedPrecondition, "a second HELLO")
    }
    let hello = try Self.unpack(Hello.self, frame.payload, name: "HELLO")
    guard hello.version == Self.protocolVersion else {
      let isOlder = hello.version < Self.protocolVersion
      throw ConnectionViolation(
        .failedPrecondition,
        "this side speaks protocol version \(Self.protocolVersion) and the other side version "
          + "\(hello.version): upgrade \(isOlder ? "the other one" : "this one") "
          + "(\(isOlder ? hello.build : buildName))")
    }
    guard hello.frameByteCountMax >= UInt32(ConnectionLimits.frameByteCountMax) else {
      throw ConnectionViolation(
        .failedPrecondition,
        "the other side accepts frames of only \(hello.frameByteCountMax) bytes; "
          + "\(ConnectionLimits.frameByteCountMax) are needed")
    }
    guard hello.streamCredit <= Self.creditMax, hello.connectionCredit <= Self.creditMax else {
      throw ConnectionViolation(.invalidArgument, "a HELLO that grants more credit than 2^31 - 1")
    }
    if hello.schema != 0, schemaFingerprint != 0, hello.schema != schemaFingerprint {
      log.info("the other side has other schemas", metadata: ["build": "\(hello.build)"])
    }
    peerHello = hello
    sendCredit = Int(hello.connectionCredit)
    phase = .open
    client?.opened(own)
    client?.executor.opened(self)
    openWaitingCalls()
  }

  private var schemaFingerprint: UInt64 {
    switch role {
    case .server(let core): core.configuration.schemaFingerprint
    case .client(let core): core.schemaFingerprint
    }
  }

  var buildName: String { "tacit 0.1" }

  static let creditMax: UInt32 = 0x7FFF_FFFF

  static func unpack<Message: WireMessage>(
    _ type: Message.Type, _ payload: UnsafeRawBufferPointer, name: String
  ) throws(ConnectionViolation) -> Message {
    do throws(RPCError) {
      return try Message(reading: payload)
    } catch {
      throw ConnectionViolation(
        .invalidArgument, "a \(name) that cannot be decoded: \(error.message)")
    }
  }

  // MARK: - PING

  private func receivePing(_ frame: InboundFrame) throws(ConnectionViolation) {
    guard frame.payload.count <= 8 else {
      throw ConnectionViolation(.invalidArgument, "a PING with more than 8 bytes")
    }
    if lastReadAt - pingWindowStart > .seconds(10) {
      pingWindowStart = lastReadAt
      pingCount = 0
    }
    pingCount += 1
    guard pingCount <= limits.pingCountMax else {
      throw ConnectionViolation(
        .resourceExhausted, "more than \(limits.pingCountMax) PINGs in ten seconds")
    }
    send(FrameHead(.pong), bytes: frame.payload)
  }

  // MARK: - GOAWAY

  /// The peer broke a rule: say which, and close.
  func violate(_ violation: ConnectionViolation) {
    guard phase != .closed else { return }
    log.warning(
      "closing a connection: the peer sent \(violation.message)",
      metadata: ["peer": "\(handshake.identity?.description ?? "unknown")"])
    sendGoaway(violation.code, "the peer sent \(violation.message)")
    flush()
    fail(
      RPCError(.unavailable, "the connection was closed: the other side sent \(violation.message)"))
  }

  func sendGoaway(_ code: StatusCode, _ message: String) {
    var goaway = Goaway()
    goaway.lastStream = isServer ? lastStream : 0
    goaway.code = code.rawValue
    goaway.message = message
    send(FrameHead(.goaway), payload: ByteBuffer(goaway))
  }

  private func receiveGoaway(_ frame: InboundFrame) throws(ConnectionViolation) {
    let goaway = try Self.unpack(Goaway.self, frame.payload, name: "GOAWAY")
    let code = StatusCode(rawValue: goaway.code) ?? .unknown
    guard case .client(let core) = role else {
      if code != .ok {
        log.warning(
          "the peer ends the connection", metadata: ["reason": "\(goaway.message)"])
      }
      return
    }
    if code != .ok {
      fail(RPCError(.unavailable, "\(core.name) ended the connection: \(goaway.message)"))
      return
    }
    guard phase == .open else {
      fail(RPCError(.unavailable, "\(core.name) takes no calls: \(goaway.message)"))
      return
    }
    goawayStream = min(goaway.lastStream, goawayStream ?? .max)
    core.draining()
    refuseStreams(after: goaway.lastStream)
    closeIfDrained()
  }
}
