package import Foundation
internal import Glibc

/// The directory of a pack: three files that only their owner may read.
package struct AccessDirectory: Sendable {
  /// The files of a pack, in the order in which they are written: the manifest last.
  package static let names = ["access.json", "access.html", "manifest.json"]

  private let url: URL

  /// The directory at `url`.
  package init(_ url: URL) { self.url = url }

  /// Makes the directory, or makes sure that it is empty: before anything is gathered.
  ///
  /// - Throws: `otherFile` where there is something in it; what the file system says.
  package func prepare() throws {
    let path = url.path(percentEncoded: false)
    if mkdir(path, 0o700) == 0 { return }
    guard errno == EEXIST else { throw Self.failure("make", path) }
    let files = try FileManager.default.contentsOfDirectory(atPath: path)
    guard files.isEmpty else {
      throw AccessFault.malformed("\(path) is not empty; name a new directory")
    }
  }

  /// Writes the files of a pack, each whole, the manifest last: a directory without one holds no pack.
  package func write(_ pack: AccessPack) throws {
    // Everything is made before anything is written.
    let contents = try [pack.json, pack.page(), pack.manifest()]
    for (name, bytes) in zip(Self.names, contents) { try write(bytes, to: name) }
  }

  private func write(_ bytes: [UInt8], to name: String) throws {
    let path = url.appending(path: name).path(percentEncoded: false)
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw Self.failure("make", path) }
    var offset = 0
    while offset < bytes.count {
      let count = bytes[offset...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        let failure = Self.failure("write", path)
        close(file)
        unlink(path)
        throw failure
      }
      offset += count
    }
    let isDurable = fsync(file) == 0
    guard close(file) == 0, isDurable else {
      unlink(path)
      throw Self.failure("write", path)
    }
  }

  /// The files of a pack, in the order of `names`.
  ///
  /// - Throws: `malformed` for one that is missing, no file, or too large.
  package func read() throws -> (json: [UInt8], page: [UInt8], manifest: [UInt8]) {
    let files = try Self.names.map { name in
      let file = url.appending(path: name)
      guard
        let size = try? FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int,
        size <= AccessPack.jsonByteCountMax * 4, let data = try? Data(contentsOf: file)
      else { throw AccessFault.malformed("\(name) is missing or cannot be read") }
      return [UInt8](data)
    }
    return (files[0], files[1], files[2])
  }

  private static func failure(_ step: String, _ path: String) -> AccessFault {
    .malformed("cannot \(step) \(path): \(String(cString: strerror(errno)))")
  }
}
