internal import Glibc

/// Writes files that never exist with wider permissions than they are meant to have.
enum PrivateFile {
  /// The system refused, with this errno.
  struct Failure: Error {
    let code: CInt
  }

  /// Puts `bytes` at `path`, in one step: a reader sees the old file or the new one.
  static func replace(
    path: String, with bytes: [UInt8], permissions: mode_t
  ) throws(Failure) {
    let draft = path + ".new"
    unlink(draft)
    let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, permissions)
    guard file >= 0 else { throw Failure(code: errno) }
    var offset = 0
    while offset < bytes.count {
      let count = bytes[offset...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        let code = errno
        close(file)
        unlink(draft)
        throw Failure(code: code)
      }
      offset += count
    }
    let isDurable = fsync(file) == 0
    let code = errno
    guard close(file) == 0, isDurable, rename(draft, path) == 0 else {
      let failure = Failure(code: isDurable ? errno : code)
      unlink(draft)
      throw failure
    }
  }
}
