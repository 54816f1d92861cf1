import NIOCore
import PrivacyCore
import Testing
import TestSupport
import WireFormat

@testable import RPC

@Suite("Frames out of the bytes of a connection")
struct FrameScannerTests {
  /// The frames' payloads, in the order in which they come out.
  private func payloads(
    of scanner: inout FrameScanner, reading bytes: ByteBuffer
  ) throws -> [[UInt8]] {
    let joined = scanner.join(bytes)
    var (payloads, used): ([[UInt8]], Int) = ([], 0)
    try joined.withUnsafeReadableBytes { all in
      while let (frame, byteCount) = try scanner.frame(
        at: UnsafeRawBufferPointer(rebasing: all[used...]))
      {
        payloads.append(Array(frame.payload))
        used += byteCount
      }
    }
    scanner.keep(joined, after: used)
    return payloads
  }

  private func bytes(of payloads: [[UInt8]]) -> ByteBuffer {
    var buffer = ByteBuffer()
    for payload in payloads {
      payload.withUnsafeBytes { buffer.write(FrameHead(.data, stream: 1), payload: $0) }
    }
    return buffer
  }

  @Test("come out whole and in order, wherever the reads cut them", arguments: 0..<20)
  func cuts(seed: UInt64) throws {
    let random = SeededRandom(seed: seed)
    func upTo(_ count: Int) -> Int { Int(random.word() % UInt64(count)) }
    let sent = (0..<60).map { index in
      [UInt8](repeating: UInt8(index), count: [upTo(20), upTo(300), upTo(65_000)][upTo(3)])
    }
    var rest = bytes(of: sent)
    var scanner = FrameScanner(byteCountMax: ConnectionLimits.frameByteCountMax)
    var received: [[UInt8]] = []
    while rest.readableBytes > 0 {
      let byteCount = min(rest.readableBytes, 1 + [upTo(8), upTo(200), upTo(65_536)][upTo(3)])
      guard let read = rest.readSlice(length: byteCount) else { break }
      received += try payloads(of: &scanner, reading: read)
    }
    #expect(received == sent)
    #expect(!scanner.hasPart)
  }

  @Test("a long frame may come byte by byte: what is there already is not copied for each of them")
  func byteByByte() throws {
    let sent = [UInt8](repeating: 5, count: 20_000)
    var rest = bytes(of: [sent])
    var scanner = FrameScanner(byteCountMax: ConnectionLimits.frameByteCountMax)
    var (received, moveCount): ([[UInt8]], Int) = ([], 0)
    var last: UnsafeRawPointer?
    while let byte = rest.readSlice(length: 1) {
      let joined = scanner.join(byte)
      let (frame, place) = try joined.withUnsafeReadableBytes { all in
        (try scanner.frame(at: all).map { Array($0.frame.payload) }, all.baseAddress)
      }
      if let frame { received.append(frame) }
      if place != last { moveCount += 1 }
      last = place
      scanner.keep(joined, after: frame == nil ? 0 : joined.readableBytes)
    }
    #expect(received == [sent])
    #expect(moveCount < 20)
  }

  @Test(
    "a length that is not allowed is refused when its four bytes are there",
    arguments: [(0, false), (1, true), (100, true), (101, false), (Int(UInt32.max), false)])
  func lengths(byteCount: Int, isAllowed: Bool) throws {
    let scanner = FrameScanner(byteCountMax: 100)
    let prefix = withUnsafeBytes(of: UInt32(byteCount).bigEndian) { Array($0) }
    prefix.withUnsafeBytes { prefix in
      for end in 0..<4 {
        #expect(throws: Never.self) {
          let none = try scanner.frame(at: UnsafeRawBufferPointer(rebasing: prefix[..<end])) == nil
          #expect(none)
        }
      }
      do throws(ConnectionViolation) {
        let none = try scanner.frame(at: prefix) == nil
        #expect(none && isAllowed)
      } catch {
        #expect(!isAllowed)
        #expect(error.code == (byteCount == 0 ? .invalidArgument : .resourceExhausted))
      }
    }
  }
}
