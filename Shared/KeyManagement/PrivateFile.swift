package import Foundation
internal import Glibc
package import PrivacyCore

/// Small files that only their owner may read, written whole or not at all.
package enum PrivateFile {
  package static let byteCountMax = 1 << 20

  /// The bytes of the file.
  ///
  /// - Throws: ``KeyManagementError/missing(path:)``,
  ///   ``KeyManagementError/readableByOthers(path:mode:)`` before a byte is read, or what the
  ///   file system says.
  package static func read(
    _ url: URL, byteCountMax: Int = byteCountMax
  ) throws(KeyManagementError) -> [UInt8] {
    let path = url.path(percentEncoded: false)
    // Non-blocking, for a named pipe would otherwise hold up the start for ever.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      if errno == ENOENT { throw .missing(path: path) }
      throw failure("open", path)
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure("fstat", path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .damaged(path: path, reason: "it is not a regular file")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw .readableByOthers(path: path, mode: status.st_mode & 0o7777)
    }
    guard status.st_size <= byteCountMax else {
      throw .damaged(path: path, reason: "it is larger than \(byteCountMax) bytes")
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var count = 0
    while count < bytes.count {
      let step = bytes[count...].withUnsafeMutableBytes {
        Glibc.read(file, $0.baseAddress, $0.count)
      }
      if step < 0, errno == EINTR { continue }
      guard step >= 0 else { throw failure("read", path) }
      if step == 0 { break }
      count += step
    }
    return Array(bytes[..<count])
  }

  /// Makes the file, unless there is one: of several that try at once, one succeeds.
  ///
  /// - Returns: whether this call made it.
  package static func create(
    _ bytes: [UInt8], at url: URL, random: any RandomSource
  ) throws(KeyManagementError) -> Bool {
    let path = url.path(percentEncoded: false)
    let temporary = try writeTemporary(bytes, beside: url, random: random)
    defer { unlink(temporary) }
    // A link to the whole file, and not a rename: it fails when the name is taken.
    guard link(temporary, path) == 0 else {
      if errno == EEXIST { return false }
      throw failure("link", path)
    }
    try synchronizeDirectory(of: url)
    return true
  }

  /// Replaces the file, unless it no longer holds `expected`.
  ///
  /// - Throws: ``KeyManagementError/changedElsewhere(path:)`` when it does not.
  static func replace(
    _ expected: [UInt8], with bytes: [UInt8], at url: URL, random: any RandomSource
  ) throws(KeyManagementError) {
    let path = url.path(percentEncoded: false)
    let directory = try openDirectory(of: url)
    defer { close(directory) }
    // Held until the directory is closed; no other process compares and renames meanwhile.
    guard flock(directory, LOCK_EX) == 0 else { throw failure("flock", path) }
    guard try read(url) == expected else { throw .changedElsewhere(path: path) }
    let temporary = try writeTemporary(bytes, beside: url, random: random)
    guard rename(temporary, path) == 0 else {
      let reason = failure("rename", path)
      unlink(temporary)
      throw reason
    }
    guard fsync(directory) == 0 else { throw failure("fsync", path) }
  }

  // MARK: - Files whose past must not be read

  /// Replaces the file, unless its beginning is not what it should be, and then overwrites what it
  /// held: best effort, for a file system or a disk may have put that elsewhere. When this returns,
  /// the new file is durable. At every moment there is one whole file of the name.
  ///
  /// - Parameters:
  ///   - headByteCount: how much of the beginning `isExpected` wants to see.
  ///   - isExpected: whether the file is still the one that shall go.
  /// - Throws: ``KeyManagementError/changedElsewhere(path:)`` when it is not. After an error the
  ///   new
  ///   file may be there all the same.
  package static func supersede(
    _ url: URL, with bytes: [UInt8], random: any RandomSource, headByteCount: Int,
    isExpected: ([UInt8]) -> Bool
  ) throws(KeyManagementError) {
    let path = url.path(percentEncoded: false)
    let directory = try openDirectory(of: url)
    defer { close(directory) }
    guard flock(directory, LOCK_EX) == 0 else { throw failure("flock", path) }
    let old = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)
    guard old >= 0 else {
      if errno == ENOENT { throw .missing(path: path) }
      throw failure("open", path)
    }
    defer { close(old) }
    var head = [UInt8](repeating: 0, count: headByteCount)
    let count = head.withUnsafeMutableBytes { pread(old, $0.baseAddress, $0.count, 0) }
    guard count >= 0 else { throw failure("read", path) }
    guard isExpected(Array(head[..<count])) else { throw .changedElsewhere(path: path) }
    let temporary = try writeTemporary(bytes, beside: url, random: random)
    guard rename(temporary, path) == 0 else {
      let reason = failure("rename", path)
      erase(temporary)
      throw reason
    }
    guard fsync(directory) == 0 else { throw failure("fsync", path) }
    overwrite(old)
  }

  /// Overwrites and removes what a replacement of the file that was cut off has left beside it.
  ///
  /// - Returns: how many files that were.
  @discardableResult
  package static func eraseLeftovers(of url: URL) throws(KeyManagementError) -> Int {
    let folder = url.deletingLastPathComponent()
    let directory = try openDirectory(of: url)
    defer { close(directory) }
    guard flock(directory, LOCK_EX) == 0 else {
      throw failure("flock", folder.path(percentEncoded: false))
    }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(
        atPath: folder.path(percentEncoded: false))
    } catch {
      throw failure("list", folder.path(percentEncoded: false))
    }
    let left = names.filter {
      $0.hasPrefix(".\(url.lastPathComponent).") && $0.hasSuffix(temporarySuffix)
    }
    for name in left { erase(folder.appending(path: name).path(percentEncoded: false)) }
    return left.count
  }

  private static func erase(_ path: String) {
    let file = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
    if file >= 0 {
      overwrite(file)
      close(file)
    }
    unlink(path)
  }

  private static func overwrite(_ file: Int32) {
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
    let zeros = [UInt8](repeating: 0, count: 1 << 16)
    var offset = 0
    while offset < Int(status.st_size) {
      let count = min(zeros.count, Int(status.st_size) - offset)
      let step = zeros.withUnsafeBytes { pwrite(file, $0.baseAddress, count, offset) }
      guard step > 0 else { return }
      offset += step
    }
    fsync(file)
  }

  // MARK: - Parts

  private static let temporarySuffix = ".tmp"

  private static func writeTemporary(
    _ bytes: [UInt8], beside url: URL, random: any RandomSource
  ) throws(KeyManagementError) -> String {
    // The process number keeps apart even those whose random source is a repeatable one.
    let suffix = "\(getpid())-\(Hexadecimal.encode(random.bytes(count: 8)))"
    let path = url.deletingLastPathComponent()
      .appending(path: ".\(url.lastPathComponent).\(suffix)\(temporarySuffix)").path(
        percentEncoded: false)
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("create", path) }
    defer { close(file) }
    do throws(KeyManagementError) {
      var written = 0
      while written < bytes.count {
        let step = bytes[written...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        if step < 0, errno == EINTR { continue }
        guard step > 0 else { throw failure("write", path) }
        written += step
      }
      guard fsync(file) == 0 else { throw failure("fsync", path) }
    } catch {
      unlink(path)
      throw error
    }
    return path
  }

  private static func openDirectory(of url: URL) throws(KeyManagementError) -> Int32 {
    let path = url.deletingLastPathComponent().path(percentEncoded: false)
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw failure("open", path) }
    return directory
  }

  private static func synchronizeDirectory(of url: URL) throws(KeyManagementError) {
    let directory = try openDirectory(of: url)
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw failure("fsync", url.path(percentEncoded: false)) }
  }

  private static func failure(_ operation: String, _ path: String) -> KeyManagementError {
    .fileSystem(path: path, operation: operation, reason: String(cString: strerror(errno)))
  }
}
