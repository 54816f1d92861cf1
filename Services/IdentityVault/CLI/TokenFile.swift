internal import Foundation
internal import PrivacyCore
internal import ServiceKit

/// A file with the token of a warrant. On a command line everybody on the machine could read it.
struct TokenFile {
  private let path: String
  private let handle: FileHandle

  /// A new file that only its owner can read. Made before anything is asked for: a token that cannot
  /// be kept is not to be had again.
  init(creating path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw CommandFailure(
        errno == EEXIST
          ? "the token file is there already; name a new one"
          : "the token file cannot be made: \(String(cString: strerror(errno)))")
    }
    self.path = path
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  func write(_ token: String) throws { try handle.write(contentsOf: Data((token + "\n").utf8)) }

  func remove() { unlink(path) }

  /// The token in a file, or on standard input.
  static func read(_ path: String?) throws -> [UInt8] {
    let text: String
    if let path {
      guard let data = FileManager.default.contents(atPath: path), data.count <= 1_024 else {
        throw CommandFailure("the token file cannot be read")
      }
      text = String(decoding: data, as: UTF8.self)
    } else {
      if isatty(STDIN_FILENO) == 1 {
        FileHandle.standardError.write(Data("token: ".utf8))
      }
      text = readLine(strippingNewline: true) ?? ""
    }
    let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard let token = Base64URL.decode(trimmed), token.count == 32 else {
      throw CommandFailure("a token is 43 characters of base64url")
    }
    return token
  }
}
