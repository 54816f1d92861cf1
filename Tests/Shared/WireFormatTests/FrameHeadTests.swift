import PrivacyCore
import TestSupport
import Testing
import WireFormat

@Suite("The head of a frame, read and written without protobuf-c")
struct FrameHeadTests {
  @Test("has the bytes that protobuf-c writes, and is read as protobuf-c reads them")
  func oracle() throws {
    let random = SeededRandom(seed: 3)
    for _ in 0..<5_000 {
      var head = FrameHead(
        kind: UInt32(random.word() % 9) + 1, stream: sparse(random), method: sparse(random),
        flags: UInt32(random.word() % 4), timeoutUs: UInt64(sparse(random)) << 20,
        status: UInt32(random.word() % 17), credit: sparse(random))
      let payload = random.bytes(count: [0, 1, 3, 127, 128, 300][Int(random.word() % 6)])
      let bytes = written(head, payload)
      var expected: [UInt8] = []
      FrameCodec.append(frame(head), payload: payload, to: &expected)
      #expect(bytes == expected)

      let read = try #require(plain(Array(bytes[4...])))
      head.payloadByteCount = payload.count
      head.payloadStart = payload.isEmpty ? 0 : bytes.count - 4 - payload.count
      #expect(read == head)
    }
  }

  @Test("what is not plain is left to protobuf-c")
  func notPlain() {
    let others: [[UInt8]] = [
      [],  // No kind.
      [0x08, 0x00],  // The kind that is never sent.
      [0x08, 0x0A],  // A kind that this version does not have.
      [0x08, 0x02, 0x08, 0x02],  // A field twice.
      [0x10, 0x01, 0x08, 0x02],  // Not in the order of the numbers.
      [0x08, 0x02, 0x7A, 0x02, 0x61],  // A payload that is cut off.
      [0x08, 0x02, 0x7A, 0x01, 0x61, 0x20, 0x01],  // A payload that is not last.
      [0x08, 0x02, 0x42, 0x00],  // Metadata.
      [0x08, 0x02, 0x4A, 0x00],  // A trace.
      [0x08, 0x02, 0x80, 0x01, 0x00],  // An unknown field.
      [0x08, 0x82, 0x80, 0x80, 0x80, 0x10],  // A number past 32 bits.
      [0x08, 0x82],  // A number that does not end.
      [0x08, 0x02, 0x1D, 0x01, 0x02],  // A method that does not end.
      [0x08, 0x02, 0x28, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
    ]
    for bytes in others { #expect(plain(bytes) == nil, "\(bytes)") }
  }

  @Test("bytes that it reads are never bytes that protobuf-c refuses or reads otherwise")
  func agreesOnDamagedFrames() throws {
    let random = SeededRandom(seed: 4)
    var readCount = 0
    for _ in 0..<20_000 {
      let head = FrameHead(
        kind: UInt32(random.word() % 9) + 1, stream: sparse(random), method: sparse(random),
        timeoutUs: UInt64(sparse(random)))
      var bytes = Array(written(head, random.bytes(count: 5))[4...])
      bytes[Int(random.word() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.word())
      guard let read = plain(bytes) else { continue }
      readCount += 1
      let received = try unsafe bytes.withUnsafeBytes { try unsafe FrameCodec.read($0) }
      #expect(received.frame == frame(read))
      #expect(received.payload.count == read.payloadByteCount)
    }
    #expect(readCount > 1_000)
  }

  private func sparse(_ random: SeededRandom) -> UInt32 {
    let word = random.word()
    return word % 3 == 0 ? 0 : UInt32(truncatingIfNeeded: word >> 8) >> UInt32(word % 32)
  }

  private func frame(_ head: FrameHead) -> Frame {
    Frame(
      kind: head.kind, stream: head.stream, method: head.method, flags: head.flags,
      timeoutUs: head.timeoutUs, status: head.status, credit: head.credit)
  }

  private func written(_ head: FrameHead, _ payload: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: FrameHead.byteCountMax)
    let byteCount = unsafe bytes.withUnsafeMutableBytes {
      unsafe head.write(payloadByteCount: payload.count, into: $0)
    }
    return Array(bytes[..<byteCount]) + payload
  }

  private func plain(_ bytes: [UInt8]) -> FrameHead? {
    unsafe bytes.withUnsafeBytes { unsafe FrameHead(plain: $0) }
  }
}
