import Foundation
import PrivacyCore
import TestSupport
import Testing
import WireFormat

@Suite("A frame")
struct FrameCodecTests {
  private let call = Frame(
    kind: 2, stream: 1, method: 0xF838_BDE4, flags: 1, timeoutUs: 1_500_000, credit: 65_536,
    metadata: [Entry(key: "tenant", value: Array("acme".utf8))],
    trace: [0, 0] + Array(1...16) + [1] + Array(17...24) + [2, 1])

  @Test("comes back as it was, with its payload in place", arguments: [0, 1, 3, 127, 128, 65_536])
  func roundTrip(payloadByteCount: Int) throws {
    let payload = SeededRandom(seed: 1).bytes(count: payloadByteCount)
    var bytes: [UInt8] = [0xEE]
    FrameCodec.append(call, payload: payload, to: &bytes)
    let frame = Array(bytes[5...])
    #expect(try frameByteCount(Array(bytes[1...]), limit: 1 << 22) == frame.count)
    let received = try read(frame)
    #expect(received.frame == call)
    #expect(received.kind == .call)
    #expect(Array(frame[received.payload]) == payload)
    #expect(FrameCodec.byteCount(call, payloadByteCount: payloadByteCount) == frame.count + 4)
  }

  @Test("is not written where there is no room")
  func noRoom() {
    let byteCount = FrameCodec.byteCount(call, payloadByteCount: 3)
    for room in [0, 4, byteCount - 1, byteCount] {
      var target = [UInt8](repeating: 0xEE, count: room)
      let written = unsafe target.withUnsafeMutableBytes { target in
        unsafe [1, 2, 3].map(UInt8.init).withUnsafeBytes {
          unsafe FrameCodec.write(call, payload: $0, into: target)
        }
      }
      #expect(written == (room == byteCount ? byteCount : 0))
      if written == 0 { #expect(target.allSatisfy { $0 == 0xEE }) }
    }
  }

  @Test("has a length from 1 to the limit, and nothing is set aside for another")
  func lengths() throws {
    let limit = 4 << 20
    #expect(throws: WireError.emptyFrame) { try frameByteCount([0, 0, 0, 0], limit: limit) }
    #expect(try frameByteCount([0, 0, 0, 1], limit: limit) == 1)
    #expect(try frameByteCount([0, 0x40, 0, 0], limit: limit) == limit)
    #expect(throws: WireError.frameTooLong(byteCount: limit + 1, limit: limit)) {
      try frameByteCount([0, 0x40, 0, 1], limit: limit)
    }
    #expect(throws: WireError.frameTooLong(byteCount: 0xFFFF_FFFF, limit: limit)) {
      try frameByteCount([0xFF, 0xFF, 0xFF, 0xFF], limit: limit)
    }
    for count in 0..<4 {
      #expect(try frameByteCount([UInt8](repeating: 0, count: count), limit: limit) == nil)
    }
  }

  @Test("of an unknown kind or of none is refused")
  func unknownKinds() {
    for kind: UInt32 in [0, 10, 255, 0x8000_0001, .max] {
      #expect(throws: WireError.unknownFrameKind(kind)) { try read(Frame(kind: kind).packed()) }
    }
    for kind: UInt32 in 1...9 {
      #expect(throws: Never.self) { try read(Frame(kind: kind).packed()) }
    }
  }

  @Test("whose payload is not its last field is refused")
  func payloadNotLast() {
    let payload = Frame(payload: [1, 2, 3]).packed()
    #expect(throws: WireError.payloadNotLast) { try read(payload + Frame(kind: 2).packed()) }
    #expect(throws: Never.self) { try read(Frame(kind: 2).packed() + payload) }
  }

  @Test("with more than 64 entries of metadata, or a trace of 30 bytes, is refused")
  func limits() throws {
    let entries = [Entry](repeating: Entry(key: "k"), count: 64)
    #expect(try read(Frame(kind: 2, metadata: entries).packed()).frame.metadata.count == 64)
    #expect(throws: WireError.tooManyElements(field: "Frame.metadata", count: 65, limit: 64)) {
      try read(Frame(kind: 2, metadata: entries + [Entry()]).packed())
    }
    #expect(throws: WireError.tooManyBytes(field: "Frame.trace", count: 30, limit: 29)) {
      try read(Frame(kind: 2, trace: [UInt8](repeating: 0, count: 30)).packed())
    }
  }

  @Test("cut at any byte never traps")
  func truncation() throws {
    var bytes: [UInt8] = []
    FrameCodec.append(call, payload: [1, 2, 3], to: &bytes)
    for byteCount in 4..<bytes.count { _ = try? read(Array(bytes[4..<byteCount])) }
    #expect(throws: WireError.malformed(message: "tacit.wire.v1.Frame")) {
      try read(Array(bytes[4...].dropLast()))
    }
  }

  @Test("HELLO is the recorded one, byte by byte")
  func helloVector() throws {
    let hello = Hello(
      version: 1, schema: 0x0123_4567_89AB_CDEF, frameByteCountMax: 4_194_304,
      streamCountMax: 1_000, streamCredit: 262_144, connectionCredit: 1_048_576, role: "client",
      build: "tacit/0.1")
    try expectVector("hello", Frame(kind: 1), payload: hello.packed())
  }

  @Test("CALL is the recorded one, byte by byte")
  func callVector() throws { try expectVector("call", call, payload: [1, 2, 3]) }

  @Test("REPLY is the recorded one, byte by byte")
  func replyVector() throws {
    let status = Status(
      code: 7, message: "no such scope", details: [Detail(key: "scope", value: "consent.write")])
    try expectVector(
      "reply", Frame(kind: 3, stream: 1, flags: 1, status: 7), payload: status.packed())
  }

  private func expectVector(_ name: String, _ frame: Frame, payload: [UInt8]) throws {
    let file = Repository.root.appending(path: "Tests/Vectors/wire/\(name).hex")
    let text = try String(contentsOf: file, encoding: .utf8)
    let digits = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined()
    let vector = try #require(Hexadecimal.decode(digits))
    var bytes: [UInt8] = []
    FrameCodec.append(frame, payload: payload, to: &bytes)
    #expect(bytes == vector)
    let received = try read(Array(vector[4...]))
    #expect(received.frame == frame)
    #expect(Array(vector[4...][(4 + received.payload.lowerBound)...]) == payload)
  }

  private func read(_ bytes: [UInt8]) throws -> ReceivedFrame {
    try unsafe bytes.withUnsafeBytes { try unsafe FrameCodec.read($0) }
  }

  private func frameByteCount(_ bytes: [UInt8], limit: Int) throws -> Int? {
    try unsafe bytes.withUnsafeBytes { try unsafe FrameCodec.frameByteCount(at: $0, limit: limit) }
  }
}

/// The checkout that the tests were built from.
enum Repository {
  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
}
