internal import Foundation
internal import Glibc

/// Holds a store's directory for one opener (flock on its file `LOCK`), until it is dropped.
final class StoreLock: Sendable {
  static let fileName = "LOCK"

  private let file: Int32

  init(_ directory: URL) throws(StoreError) {
    let path = directory.appending(path: Self.fileName).path
    let file = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      if errno == ENOSPC { throw .diskFull(path) }
      throw .inputOutput("\(path) cannot be opened")
    }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      Glibc.close(file)
      throw .alreadyOpen(directory.path)
    }
    self.file = file
  }

  deinit {
    // Closing alone would leave the lock to a child process that was forked a moment ago and has not
    // closed its copy of the file yet.
    flock(file, LOCK_UN)
    Glibc.close(file)
  }
}
