internal import Foundation
internal import Glibc
internal import ServiceKit
internal import Testing

/// A plain TCP connection to a port of this machine, byte by byte.
final class RawSocket {
  private let descriptor: Int32

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    try #require(descriptor >= 0)
    // A read that would never end fails the test instead.
    var limit = timeval(tv_sec: 30, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let descriptor = descriptor
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(status == 0, "port \(port) takes connections")
  }

  deinit { close(descriptor) }

  /// Sends bytes; a side that hung up already is no error.
  func send(_ bytes: [UInt8]) {
    _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  /// Says that nothing more comes.
  func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Everything that comes until the other side hangs up.
  func readToEnd() throws -> [UInt8] {
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count < 0, errno == ECONNRESET { return received }
      try #require(count >= 0, "the service hangs up")
      if count == 0 { return received }
      received += buffer[..<count]
    }
  }

  /// At least so many bytes.
  func read(atLeast byteCount: Int) throws -> [UInt8] {
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while received.count < byteCount {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      try #require(count > 0, "the service answers")
      received += buffer[..<count]
    }
    return received
  }
}
