package import Foundation
internal import Glibc
package import PrivacyCore
internal import ServiceKit
package import TransparencyLog

/// What a witness remembers: for each log the newest tree that it vouched for. One file, replaced as a
/// whole and on the disk before the cosignature leaves; a lock beside it lets one program at a time
/// decide.
package struct WitnessFile: Sendable {
  /// The most bytes of the file that are read.
  private static let byteCountMax = 4 << 20

  private struct Line: Codable {
    let origin: String
    let size: UInt64
    let root: String
  }

  private let url: URL

  /// The memory in the file `url`, which need not be there yet.
  package init(_ url: URL) { self.url = url }

  /// Decides on a checkpoint (`Witness.check`), remembers it and cosigns it.
  ///
  /// - Throws: what `Witness.check` throws, and then nothing is remembered; `CommandFailure` where
  ///   the file cannot be read or written.
  package func cosign(
    _ request: AddCheckpointRequest, logs: [NoteKey], signer: NoteSigner, at now: Timestamp
  ) throws -> NoteSignature {
    try withLock {
      var trees = try load()
      let origin = try Checkpoint(text: request.note.text).origin
      let tree = try Witness.check(
        request.note, logs: logs, oldSize: request.oldSize, proof: request.proof,
        last: trees.first { $0.origin.utf8.elementsEqual(origin.utf8) })
      trees.removeAll { $0.origin.utf8.elementsEqual(origin.utf8) }
      trees.append(tree)
      try save(trees)
      return try signer.sign(request.note.text, at: now)
    }
  }

  /// What was vouched for last of a log.
  package func last(of origin: String) throws -> WitnessedTree? {
    try load().first { $0.origin.utf8.elementsEqual(origin.utf8) }
  }

  private func load() throws -> [WitnessedTree] {
    guard FileManager.default.fileExists(atPath: url.path) else { return [] }
    let bytes = try LogDirectory.bytes(of: url, limit: Self.byteCountMax)
    guard let lines = try? JSONDecoder().decode([Line].self, from: Data(bytes)) else {
      throw CommandFailure(
        "\(url.path) is damaged: a witness without its memory must not cosign; restore the file")
    }
    return try lines.map { line in
      guard let root = MerkleHash(base64: line.root) else {
        throw CommandFailure("\(url.path) is damaged: a root hash is malformed; restore the file")
      }
      return WitnessedTree(origin: line.origin, treeSize: line.size, rootHash: root)
    }
  }

  private func save(_ trees: [WitnessedTree]) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = try encoder.encode(
      trees.map { Line(origin: $0.origin, size: $0.treeSize, root: $0.rootHash.description) })
    let next = url.appendingPathExtension("next")
    let failure = CommandFailure("\(url.path) cannot be written: nothing was cosigned")
    guard FileManager.default.createFile(atPath: next.path, contents: nil),
      let handle = try? FileHandle(forWritingTo: next)
    else { throw failure }
    do {
      try handle.write(contentsOf: data)
      try handle.synchronize()
      try handle.close()
      guard rename(next.path, url.path) == 0 else { throw failure }
      // The new name itself must be on the disk too.
      let folder = open(url.deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY)
      guard folder >= 0 else { throw failure }
      defer { close(folder) }
      guard fsync(folder) == 0 else { throw failure }
    } catch {
      throw failure
    }
  }

  private func withLock<Result>(_ body: () throws -> Result) throws -> Result {
    let path = url.appendingPathExtension("lock").path
    let lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard lock >= 0, flock(lock, LOCK_EX) == 0 else {
      throw CommandFailure("\(path) cannot be locked")
    }
    defer { close(lock) }
    return try body()
  }
}
