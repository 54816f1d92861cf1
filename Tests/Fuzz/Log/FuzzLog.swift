internal import FuzzDriver
internal import TransparencyLog

/// What an outsider reads of a log: whatever is accepted must be written back as the same bytes, so
/// that no two texts say the same thing.
@main
enum FuzzLog {
  static func main() {
    fuzz { bytes, count in
      FuzzLog.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
      return 0
    }
  }

  /// The first byte chooses the decoder.
  private static func run(_ input: [UInt8]) {
    guard let choice = input.first else { return }
    let bytes = Array(input.dropFirst())
    let text = String(decoding: bytes, as: UTF8.self)
    switch choice % 8 {
    case 0: same(bytes, (try? SignedNote(encoded: bytes))?.encoded)
    case 1: same(bytes, (try? LogProof(encoded: bytes))?.encoded)
    case 2: same(bytes, (try? AddCheckpointRequest(encoded: bytes))?.encoded)
    case 3: same(bytes, (try? LogLeaf(encoded: bytes))?.encoded)
    case 4: same(Array(text.utf8), (try? Checkpoint(text: text)).map { Array($0.text.utf8) })
    case 5: same(Array(text.utf8), (try? TileCoordinate(path: text)).map { Array($0.path.utf8) })
    case 6:
      let width = Int(bytes.first ?? 0) + 1
      let bundle = Array(bytes.dropFirst())
      let entries = try? TileCoding.decode(bundle: bundle, width: width)
      same(bundle, entries.flatMap { try? TileCoding.encode(entries: $0) })
    default:
      _ = try? TrustPolicy(text: text)
      // The number is read in either case, so that only the key itself must be the same.
      if let key = try? NoteKey(text: text) {
        guard let written = try? key.text(), (try? NoteKey(text: written)) == key else {
          fail("a key that is written otherwise")
        }
      }
    }
  }

  private static func same(_ read: [UInt8], _ written: [UInt8]?) {
    guard let written, written != read else { return }
    fail("what was read is written otherwise")
  }

  private static func fail(_ what: String) -> Never { fatalError(what) }
}
