import Foundation
import PrivacyCore
import RPC
import Testing
import WireFormat

/// Tests/Vectors/wire/protocol.json, packed by another implementation. Tests/Protocol holds a
/// client in another language, and the real servers, to the same file.
@Suite("The bytes that docs/PROTOCOL.md records")
struct VectorTests {
  @Test("frames are written and read as they are recorded", arguments: Vectors.recorded.everyFrame)
  func frame(_ vector: FrameVector) throws {
    var bytes: [UInt8] = []
    FrameCodec.append(vector.expected, payload: vector.payload, to: &bytes)
    #expect(Hexadecimal.encode(bytes) == Hexadecimal.encode(vector.bytes))
    try vector.expectRead()
    if let message = vector.message { #expect(message == vector.payload) }
  }

  @Test("every kind of frame is recorded")
  func kinds() {
    #expect(Set(Vectors.recorded.frames.map(\.frame.kind)) == Set(1...9))
  }

  @Test("unusual frames are read", arguments: Vectors.recorded.alsoRead)
  func unusual(_ vector: FrameVector) throws { try vector.expectRead() }

  @Test("refused bytes end the connection", arguments: Vectors.recorded.refused)
  func refused(_ vector: RefusedVector) async throws {
    try await withPair { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      try await peer.send(vector.hex.bytes)
      let received = try #require(try await peer.next())
      #expect(received.frame.kind == UInt32(FrameKind.goaway.rawValue))
      #expect(try Goaway(packed: received.payload).code == vector.code)
      #expect(await eventually { peer.isClosed })
    }
  }

  @Test("a server keeps to the recorded conversation", arguments: Vectors.recorded.conversations)
  func conversation(_ conversation: Conversation) async throws {
    try await withPair(router: conversation.router) { pair in
      let peer = try await RawPeer.connect(to: pair.endpoint)
      let hello = conversation.greeted ?? true ? Vectors.recorded.hello : []
      for step in hello + conversation.steps {
        if step.from == "client" {
          try await peer.send(step.bytes)
        } else {
          try step.expect(try #require(try await peer.next(), "\(step) does not come"))
        }
      }
      if conversation.closes ?? false { #expect(await eventually { peer.isClosed }) }
      await peer.close()
    }
  }
}

/// The file.
struct Vectors: Decodable {
  let frames: [FrameVector]
  let alsoRead: [FrameVector]
  let refused: [RefusedVector]
  let hello: [FrameVector]
  let conversations: [Conversation]

  var everyFrame: [FrameVector] { frames + hello + conversations.flatMap(\.steps) }

  static let recorded: Vectors = {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Vectors/wire/protocol.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return try decoder.decode(Vectors.self, from: Data(contentsOf: file))
    } catch {
      preconditionFailure("\(file.path) cannot be read: \(error)")
    }
  }()
}

/// One frame: its bytes, its fields, and what its payload means.
struct FrameVector: Decodable, Sendable, CustomTestStringConvertible {
  struct Fields: Decodable {
    struct Entry: Decodable {
      let key: String
      let value: String
    }

    let kind: UInt32
    let stream: UInt32?
    let method: UInt32?
    let flags: UInt32?
    let timeoutUs: UInt64?
    let status: UInt32?
    let credit: UInt32?
    let metadata: [Entry]?
    let trace: String?
    let payload: String?
  }

  /// The fields of a Hello, a Status or a Goaway.
  struct Message: Decodable {
    struct Detail: Decodable {
      let key: String
      let value: String
    }

    let version: UInt32?
    let schema: UInt64?
    let frameByteCountMax: UInt32?
    let streamCountMax: UInt32?
    let streamCredit: UInt32?
    let connectionCredit: UInt32?
    let role: String?
    let build: String?
    let code: UInt32?
    let message: String?
    let details: [Detail]?
    let lastStream: UInt32?
  }

  let name: String?
  let from: String?
  let hex: String
  let frame: Fields
  let hello: Message?
  let status: Message?
  let goaway: Message?

  var testDescription: String { name ?? hex }
  var bytes: [UInt8] { hex.bytes }
  var payload: [UInt8] { frame.payload?.bytes ?? [] }

  /// The frame without its payload.
  var expected: Frame {
    Frame(
      kind: frame.kind, stream: frame.stream ?? 0, method: frame.method ?? 0,
      flags: frame.flags ?? 0, timeoutUs: frame.timeoutUs ?? 0, status: frame.status ?? 0,
      credit: frame.credit ?? 0,
      metadata: (frame.metadata ?? []).map { Entry(key: $0.key, value: $0.value.bytes) },
      trace: frame.trace?.bytes ?? [])
  }

  /// The packed message, where the payload is one of the protocol's own.
  var message: [UInt8]? {
    hello.map { Hello($0).packed() } ?? status.map { Status($0).packed() }
      ?? goaway.map { Goaway($0).packed() }
  }

  func expectRead() throws {
    let body = Array(bytes.dropFirst(FrameCodec.prefixByteCount))
    let received = try body.withUnsafeBytes { try FrameCodec.read($0) }
    #expect(received.frame == expected)
    #expect(Array(body[received.payload]) == payload)
  }

  /// Compares what a server sent. What is written for people, and what names a program, may change.
  func expect(_ received: (frame: Frame, payload: [UInt8])) throws {
    #expect(received.frame == expected)
    if let hello {
      var actual = try Hello(packed: received.payload)
      actual.build = hello.build ?? ""
      actual.schema = hello.schema ?? 0
      #expect(actual == Hello(hello))
    } else if let status {
      var actual = try Status(packed: received.payload)
      actual.message = status.message ?? ""
      #expect(actual == Status(status))
    } else if let goaway {
      var actual = try Goaway(packed: received.payload)
      actual.message = goaway.message ?? ""
      #expect(actual == Goaway(goaway))
    } else {
      #expect(received.payload == payload)
    }
  }
}

/// Bytes that no receiver takes, and the code of the GOAWAY that answers them.
struct RefusedVector: Decodable, Sendable, CustomTestStringConvertible {
  let name: String
  let hex: String
  let code: UInt32

  var testDescription: String { name }
}

/// What a client and a server say to each other about one call.
struct Conversation: Decodable, Sendable, CustomTestStringConvertible {
  let name: String
  let method: String
  let kind: String
  /// What the method answers: one message after the other.
  let replies: [String]
  /// Whether the method goes on behind its replies.
  let goesOn: Bool?
  /// Whether the conversation begins behind the HELLOs.
  let greeted: Bool?
  /// Whether the server closes the connection at the end.
  let closes: Bool?
  let steps: [FrameVector]

  var testDescription: String { name }

  /// The method, with the recorded answers in place of a service.
  var router: Router {
    var router = Router()
    let (replies, goesOn) = (replies.map { Blob(recorded: $0) }, goesOn ?? false)
    switch kind {
    case "unary":
      router.unary(descriptor(.unary)) {
        (request: Blob, context: CallContext) async throws -> Blob in replies.first ?? Blob()
      }
    case "serverStreaming":
      router.serverStreaming(descriptor(.serverStreaming)) {
        (request: Blob, writer: ReplyWriter<Blob>, context: CallContext) async throws in
        for reply in replies { try await writer.send(reply) }
        if goesOn { try await Task.sleep(for: .seconds(60)) }
      }
    case "bidirectional":
      router.bidirectional(descriptor(.bidirectional)) {
        (requests: RequestStream<Blob>, writer: ReplyWriter<Blob>, context: CallContext)
          async throws
        in
        var left = replies[...]
        for try await _ in requests { try await writer.send(left.popFirst() ?? Blob()) }
      }
    default: preconditionFailure("\(name): no call is \(kind)")
    }
    return router
  }

  private func descriptor(_ kind: CallKind) -> MethodDescriptor {
    MethodDescriptor(
      id: Self.id(method), name: method, kind: kind, scope: "test", isInline: false,
      isIdempotent: false)
  }

  /// FNV-1a, 32 bits.
  private static func id(_ name: String) -> UInt32 {
    name.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }
}

extension String {
  /// The bytes of hexadecimal digits in groups.
  fileprivate var bytes: [UInt8] {
    guard let bytes = Hexadecimal.decode(filter { $0 != " " }) else {
      preconditionFailure("\(self) is not hexadecimal")
    }
    return bytes
  }
}

extension Blob {
  fileprivate init(recorded hex: String) {
    self.init()
    bytes = hex.bytes
  }
}

extension Hello {
  fileprivate init(_ recorded: FrameVector.Message) {
    self.init(
      version: recorded.version ?? 0, schema: recorded.schema ?? 0,
      frameByteCountMax: recorded.frameByteCountMax ?? 0,
      streamCountMax: recorded.streamCountMax ?? 0, streamCredit: recorded.streamCredit ?? 0,
      connectionCredit: recorded.connectionCredit ?? 0, role: recorded.role ?? "",
      build: recorded.build ?? "")
  }
}

extension Status {
  fileprivate init(_ recorded: FrameVector.Message) {
    self.init(
      code: recorded.code ?? 0, message: recorded.message ?? "",
      details: (recorded.details ?? []).map { Detail(key: $0.key, value: $0.value) })
  }
}

extension Goaway {
  fileprivate init(_ recorded: FrameVector.Message) {
    self.init(
      lastStream: recorded.lastStream ?? 0, code: recorded.code ?? 0,
      message: recorded.message ?? "")
  }
}
