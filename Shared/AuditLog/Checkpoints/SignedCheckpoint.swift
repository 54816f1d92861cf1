public import TransparencyLog

/// A checkpoint of this log with its signatures.
public struct SignedCheckpoint: Hashable, Sendable {
  /// What it says.
  public let checkpoint: Checkpoint
  /// It, signed.
  public let note: SignedNote

  /// Reads a kept note.
  init(encoded bytes: [UInt8]) throws(TransparencyLogError) {
    try self.init(note: SignedNote(encoded: bytes))
  }

  init(note: SignedNote) throws(TransparencyLogError) {
    checkpoint = try Checkpoint(text: note.text)
    self.note = note
  }

  /// How many entries it covers.
  public var treeSize: UInt64 { checkpoint.treeSize }
}
