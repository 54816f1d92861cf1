/// Something in the files of a log that is not what its checkpoint says.
public struct LogProblem: Hashable, Sendable, CustomStringConvertible {
  /// The file, below the log's address.
  public let path: String
  /// What is wrong with it.
  public let what: String

  public var description: String { "\(path): \(what)" }
}

/// Reads a log's static files through and compares them with each other and with the checkpoint.
public struct TiledLogCheck {
  /// The most problems that are told; one is enough to distrust the log.
  public static let problemCountMax = 64

  /// What is wrong, in the order of the files.
  public private(set) var problems: [LogProblem] = []
  private let checkpoint: Checkpoint
  private let read: (String) throws -> [UInt8]?
  private var isFull: Bool { problems.count >= Self.problemCountMax }

  /// Checks the log that `checkpoint`, itself verified before, speaks of. Costs one hash for each
  /// entry and two for each node.
  ///
  /// - Parameters:
  ///   - read: gives a file by its path; `nil` where there is none.
  ///   - entry: looks at each entry; answers what is wrong with it.
  /// - Throws: what `read` throws.
  public init(
    checkpoint: Checkpoint, entry: (UInt64, [UInt8]) -> String? = { _, _ in nil },
    read: @escaping (String) throws -> [UInt8]?
  ) throws {
    self.checkpoint = checkpoint
    self.read = read
    let size = checkpoint.treeSize
    // What the tiles of a level must hold: for level 0 the hashes of the entries.
    var above: [MerkleHash] = []
    for level in 0..<TileCoordinate.levelCount(treeSize: size) {
      let expected = above
      above = []
      for tile in try TileCoordinate.all(.hashes(level: level), treeSize: size) where !isFull {
        let hashes = try hashes(of: tile)
        let first = Int(tile.index) * TileCoordinate.fullWidth
        if level == 0 {
          try compareEntries(tile, hashes, entry)
        } else if let hashes {
          compare(hashes, with: expected[first..<first + tile.width], of: tile, level: level)
        }
        if tile.width == TileCoordinate.fullWidth {
          // Where a tile is missing, what should stand above it is not known.
          above.append(try hashes.map { try TileReader.fold($0[...]) } ?? .emptyTree())
        }
      }
    }
    if problems.isEmpty { try compareRoot() }
  }

  private mutating func report(_ path: String, _ what: String) {
    if !isFull { problems.append(LogProblem(path: path, what: what)) }
  }

  /// A file, or the front of the full one that took the place of a partial one.
  private func file(_ tile: TileCoordinate) throws -> (bytes: [UInt8], width: Int)? {
    if let bytes = try read(tile.path) { return (bytes, tile.width) }
    let full = try TileCoordinate(tile.content, index: tile.index)
    guard tile.width < TileCoordinate.fullWidth, let bytes = try read(full.path) else {
      return nil
    }
    return (bytes, TileCoordinate.fullWidth)
  }

  private mutating func hashes(of tile: TileCoordinate) throws -> [MerkleHash]? {
    guard let file = try file(tile) else {
      report(tile.path, "is missing")
      return nil
    }
    do throws(TransparencyLogError) {
      return Array(try TileCoding.decode(tile: file.bytes, width: file.width).prefix(tile.width))
    } catch {
      report(tile.path, "\(error)")
      return nil
    }
  }

  private mutating func compareEntries(
    _ tile: TileCoordinate, _ hashes: [MerkleHash]?, _ check: (UInt64, [UInt8]) -> String?
  ) throws {
    let bundle = try TileCoordinate(.entries, index: tile.index, width: tile.width)
    guard let file = try file(bundle) else { return report(bundle.path, "is missing") }
    let entries: [[UInt8]]
    do throws(TransparencyLogError) {
      entries = try TileCoding.decode(bundle: file.bytes, width: file.width)
    } catch {
      return report(bundle.path, "\(error)")
    }
    for (offset, entry) in entries.prefix(tile.width).enumerated() {
      let index = tile.index * UInt64(TileCoordinate.fullWidth) + UInt64(offset)
      if let hashes, try MerkleHash.leaf(entry) != hashes[offset] {
        report(bundle.path, "entry \(index) is not the one whose hash stands in \(tile.path)")
      }
      if let what = check(index, entry) { report(bundle.path, "entry \(index) \(what)") }
    }
  }

  private mutating func compare(
    _ hashes: [MerkleHash], with expected: ArraySlice<MerkleHash>, of tile: TileCoordinate,
    level: Int
  ) {
    for (offset, (found, wanted)) in zip(hashes, expected).enumerated() where found != wanted {
      let below = tile.index * UInt64(TileCoordinate.fullWidth) + UInt64(offset)
      let path = (try? TileCoordinate(.hashes(level: level - 1), index: below).path) ?? ""
      report(tile.path, "hash \(offset) is not the one of \(path)")
    }
  }

  private mutating func compareRoot() throws {
    var reader = TileReader(treeSize: checkpoint.treeSize) { [self] tile in
      guard let file = try file(tile) else { return [] }
      return Array(try TileCoding.decode(tile: file.bytes, width: file.width).prefix(tile.width))
    }
    if try reader.root() != checkpoint.rootHash {
      report("checkpoint", "its root hash is not the one of the tree of its files")
    }
  }
}
