internal import Foundation
internal import KeyManagement

extension URL {
  /// The permission bits.
  func mode() throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path(percentEncoded: false))
    return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
  }

  func setMode(_ mode: Int) throws {
    try FileManager.default.setAttributes(
      [.posixPermissions: mode], ofItemAtPath: path(percentEncoded: false))
  }

  /// The names in the directory, sorted; hidden ones too.
  func fileNames() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path(percentEncoded: false)).sorted()
  }

  /// Writes a file that only its owner may read.
  func writePrivate(_ name: String, _ text: String) throws -> URL {
    let url = appending(path: name)
    try Data(text.utf8).write(to: url)
    try url.setMode(0o600)
    return url
  }

  func text() throws -> String { try String(contentsOf: self, encoding: .utf8) }

  /// Whether `body` calls this file damaged.
  func isDamaged(_ body: (URL) throws -> Void) throws -> Bool {
    do {
      try body(self)
      return false
    } catch KeyManagementError.damaged(path: path(percentEncoded: false), reason: _) {
      return true
    }
  }
}
