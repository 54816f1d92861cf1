internal import ArgumentParser
internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import ServiceKit
internal import TransparencyLog

/// `tacit verify`: checks without a network what services say of their logs.
struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check proofs, checkpoints, logs, evidence, certificates and packs, offline.",
    discussion: """
      Nothing is asked of any service: the files and a policy of trusted keys decide. Exit 0: all \
      of it holds; exit 1: something does not, and the message says what.

      Example: tacit verify proof entry-41.tlog-proof --policy policy.txt
      """,
    subcommands: [
      VerifyProof.self, VerifyCheckpoint.self, VerifyLog.self, VerifyEvidence.self,
      VerifyCertificate.self, VerifyAccess.self,
    ])
}

/// What a verified checkpoint says, for people and scripts.
private struct VerifiedView: Encodable {
  let origin: String
  let size: UInt64
  let root: String
  let witnesses: [String]
  var index: UInt64?
  var leaf: String?

  init(_ verified: TrustPolicy.Verified) {
    origin = verified.checkpoint.origin
    size = verified.checkpoint.treeSize
    root = verified.checkpoint.rootHash.description
    witnesses = verified.cosignatures.keys.sorted()
  }

  func show(asJSON: Bool) throws {
    if asJSON { return try printJSON(self) }
    let seen = witnesses.isEmpty ? "no witness" : witnesses.joined(separator: ", ")
    print("\(origin), \(size) entries, cosigned by \(seen)")
    if let index { print("entry \(index) is in it") }
    if let leaf { print(leaf.trimmingCharacters(in: .newlines)) }
    print("nothing is wrong")
  }
}

/// `tacit verify proof`.
struct VerifyProof: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proof", abstract: "Check that something was logged.",
    discussion: """
      With --content and --salt it is also checked that the leaf commits to this content.

      Example: tacit verify proof entry-41.tlog-proof --policy policy.txt
      """)

  @Argument(help: "The proof file.") var file: String
  @OptionGroup var trust: PolicyOptions
  @Option(help: "The leaf, where the proof file does not carry it.") var leaf: String?
  @Option(help: "The content that the leaf commits to: a file of its exact bytes.")
  var content: String?
  @Option(help: "The content's salt, 32 bytes in Base64.") var salt: String?
  @Flag(help: "Print JSON, for scripts.") var json = false

  func validate() throws {
    guard (content == nil) == (salt == nil) else {
      throw ValidationError("--content and --salt go together")
    }
  }

  func run() async throws {
    let policy = try trust.read()
    let proof = try LogProof(
      encoded: LogDirectory.bytes(of: URL(filePath: file), limit: LogProof.byteCountMax))
    let leaf =
      try self.leaf.map {
        try LogDirectory.bytes(of: URL(filePath: $0), limit: TileCoding.entryByteCountMax)
      } ?? proof.extra
    guard !leaf.isEmpty else {
      throw CommandFailure("the proof does not carry its leaf; name it with --leaf")
    }
    var view = VerifiedView(try proof.verify(entry: leaf, policy: policy))
    view.index = proof.index
    view.leaf = String(validating: leaf, as: UTF8.self)
    if let content, let salt { try check(content, salt, against: leaf) }
    try view.show(asJSON: json)
  }

  private func check(_ content: String, _ salt: String, against leaf: [UInt8]) throws {
    guard let salt = Base64.decode(salt) else { throw ValidationError("--salt is not Base64") }
    let bytes = try LogDirectory.bytes(of: URL(filePath: content), limit: 16 << 20)
    let commitment = try SaltedCommitment(salt: salt, content: bytes).hash
    guard try LogLeaf(encoded: leaf).commitment == commitment else {
      throw CommandFailure("the leaf commits to another content, or under another salt")
    }
  }
}

/// `tacit verify checkpoint`.
struct VerifyCheckpoint: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint", abstract: "Check who signed a checkpoint.",
    discussion: "Example: tacit verify checkpoint logs/consent/checkpoint --policy policy.txt")

  @Argument(help: "The file with the signed checkpoint.") var file: String
  @OptionGroup var trust: PolicyOptions
  @Flag(help: "Print JSON, for scripts.") var json = false

  func run() async throws {
    let policy = try trust.read()
    let note = try SignedNote(
      encoded: LogDirectory.bytes(of: URL(filePath: file), limit: SignedNote.byteCountMax))
    try VerifiedView(try policy.verify(note)).show(asJSON: json)
  }
}

/// `tacit verify log`.
struct VerifyLog: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Check a whole log that was copied into a directory.",
    discussion: """
      Every leaf is hashed and every file compared with every other and with the checkpoint. What \
      was changed is named. With --after also an earlier checkpoint is compared: whether the log \
      that it speaks of is the beginning of this one.

      Example: tacit verify log logs/consent --policy policy.txt
      """)

  @Argument(help: "The directory.") var directory: String
  @OptionGroup var trust: PolicyOptions
  @Option(help: "The file with an earlier checkpoint of the same log.") var after: String?
  @Flag(help: "Print JSON, for scripts.") var json = false

  func run() async throws {
    let policy = try trust.read()
    let log = LogDirectory(URL(filePath: directory))
    let verified = try policy.verify(log.checkpoint())
    let check = try TiledLogCheck(
      checkpoint: verified.checkpoint,
      entry: { _, bytes in
        (try? LogLeaf(encoded: bytes)) == nil ? "is no leaf of a Tacit log" : nil
      }, read: log.read)
    guard check.problems.isEmpty else {
      throw CommandFailure(check.problems.map(\.description).joined(separator: "\n"))
    }
    if let after { try compare(after, with: verified.checkpoint, log, policy) }
    try VerifiedView(verified).show(asJSON: json)
  }

  private func compare(
    _ file: String, with checkpoint: Checkpoint, _ log: LogDirectory, _ policy: TrustPolicy
  ) throws {
    let bytes = try LogDirectory.bytes(of: URL(filePath: file), limit: SignedNote.byteCountMax)
    let old = try policy.verify(SignedNote(encoded: bytes)).checkpoint
    guard old.origin.utf8.elementsEqual(checkpoint.origin.utf8) else {
      throw TransparencyLogError.otherOrigin(found: old.origin, expected: checkpoint.origin)
    }
    guard old.treeSize <= checkpoint.treeSize else {
      throw TransparencyLogError.rollback(
        origin: old.origin, seen: old.treeSize, offered: checkpoint.treeSize)
    }
    var reader = TileReader(treeSize: old.treeSize) { tile in
      let full = try TileCoordinate(tile.content, index: tile.index)
      let available = TileCoordinate.hashCount(tile.content, treeSize: checkpoint.treeSize)
      let width = Int(
        min(
          UInt64(TileCoordinate.fullWidth),
          available - tile.index * UInt64(TileCoordinate.fullWidth)))
      let now = try TileCoordinate(tile.content, index: tile.index, width: width)
      if let bytes = try log.read(now.path) {
        return Array(try TileCoding.decode(tile: bytes, width: width).prefix(tile.width))
      }
      guard let bytes = try log.read(full.path) else {
        throw CommandFailure("\(now.path) is missing")
      }
      return Array(
        try TileCoding.decode(tile: bytes, width: TileCoordinate.fullWidth).prefix(tile.width))
    }
    guard try reader.root() == old.rootHash else {
      throw TransparencyLogError.fork(origin: old.origin, size: old.treeSize)
    }
  }
}
