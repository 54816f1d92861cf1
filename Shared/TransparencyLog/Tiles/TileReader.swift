/// Reads a tree of one size through its tiles: gives every node and with them roots and proofs. Each
/// tile is asked for once.
public struct TileReader {
  /// The size of the tree.
  public let treeSize: UInt64
  private let fetch: (TileCoordinate) throws -> [MerkleHash]
  private var tiles: [TileCoordinate: [MerkleHash]] = [:]

  /// The tree of `treeSize`, whose tiles `fetch` gives.
  public init(treeSize: UInt64, fetch: @escaping (TileCoordinate) throws -> [MerkleHash]) {
    self.treeSize = treeSize
    self.fetch = fetch
  }

  /// The node at a place.
  ///
  /// - Throws: `outOfRange` for a node that the tree has not; what fetching throws.
  public mutating func node(_ place: NodeCoordinate) throws -> MerkleHash {
    guard place.lastLeaf < treeSize else {
      throw TransparencyLogError.outOfRange(
        "node \(place.index) of level \(place.level)", treeSize: treeSize)
    }
    let (level, above) = place.level.quotientAndRemainder(dividingBy: TileCoordinate.height)
    let first = place.index << UInt64(above)
    let tile = first / UInt64(TileCoordinate.fullWidth)
    let content = TileCoordinate.Content.hashes(level: level)
    let available = TileCoordinate.hashCount(content, treeSize: treeSize)
    let width = min(
      UInt64(TileCoordinate.fullWidth), available - tile * UInt64(TileCoordinate.fullWidth))
    let hashes = try hashes(of: TileCoordinate(content, index: tile, width: Int(width)))
    let start = Int(first % UInt64(TileCoordinate.fullWidth))
    return try TileReader.fold(hashes[start..<start + 1 << above])
  }

  private mutating func hashes(of tile: TileCoordinate) throws -> [MerkleHash] {
    if let known = tiles[tile] { return known }
    let hashes = try fetch(tile)
    guard hashes.count == tile.width else {
      throw TransparencyLogError.malformed("\(tile.path) with \(hashes.count) hashes")
    }
    tiles[tile] = hashes
    return hashes
  }

  /// The root over a power of two of hashes.
  static func fold(_ hashes: ArraySlice<MerkleHash>) throws(TransparencyLogError) -> MerkleHash {
    var level = [MerkleHash](hashes)
    while level.count > 1 {
      var above: [MerkleHash] = []
      for pair in stride(from: 0, to: level.count - 1, by: 2) {
        above.append(try .node(level[pair], level[pair + 1]))
      }
      level = above
    }
    guard let root = level.first else { throw .malformed("a tile without hashes") }
    return root
  }

  /// The root of the tree.
  public mutating func root() throws -> MerkleHash {
    try TreeShape.root(ofSize: treeSize) { try node($0) }
  }

  /// The proof that leaf `leafIndex` is in the tree.
  public mutating func inclusionProof(of leafIndex: UInt64) throws -> InclusionProof {
    try InclusionProof(leafIndex: leafIndex, treeSize: treeSize) { try node($0) }
  }

  /// The proof that the tree begins with the tree of `oldSize`.
  public mutating func consistencyProof(from oldSize: UInt64) throws -> ConsistencyProof {
    try ConsistencyProof(oldSize: oldSize, newSize: treeSize) { try node($0) }
  }
}
