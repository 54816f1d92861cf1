internal import Foundation
internal import ServiceKit

/// Ports that nobody listens on now.
package enum FreePorts {
  /// So many different free ports on 127.0.0.1. They are held open together while they are
  /// chosen; somebody else may still take one before its service does, which `serve` reports.
  package static func choose(_ count: Int) throws -> [Int] {
    var sockets: [Int32] = []
    defer { sockets.forEach { close($0) } }
    return try (0..<count).map { _ in
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      guard descriptor >= 0 else { throw CommandFailure("cannot open a socket") }
      sockets.append(descriptor)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
      let isBound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
          bind(descriptor, pointer, byteCount) == 0
            && getsockname(descriptor, pointer, &byteCount) == 0
        }
      }
      guard isBound else { throw CommandFailure("cannot find a free port on 127.0.0.1") }
      return Int(UInt16(bigEndian: address.sin_port))
    }
  }
}
