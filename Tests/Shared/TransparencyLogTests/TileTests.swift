internal import PrivacyCore
internal import Testing
internal import TransparencyLog

@Suite("Tiles")
struct TileTests {
  @Test(
    "paths are those of the specification, and read back",
    arguments: [
      ("tile/0/x001/x234/067", 0, 1_234_067, 256), ("tile/0/000", 0, 0, 256),
      ("tile/1/999", 1, 999, 256), ("tile/2/x001/000", 2, 1_000, 256),
      ("tile/63/005.p/1", 63, 5, 1), ("tile/0/273.p/112", 0, 273, 112),
      ("tile/0/x001/000.p/255", 0, 1_000, 255),
    ] as [(String, Int, UInt64, Int)])
  func paths(path: String, level: Int, index: UInt64, width: Int) throws {
    let tile = try TileCoordinate(.hashes(level: level), index: index, width: width)
    #expect(tile.path == path)
    #expect(try TileCoordinate(path: path) == tile)
    let bundle = try TileCoordinate(.entries, index: index, width: width)
    let bundlePath = path.replacing(try Regex("^tile/[0-9]+/"), with: "tile/entries/")
    #expect(bundle.path == bundlePath)
    #expect(try TileCoordinate(path: bundlePath) == bundle)
  }

  @Test(
    "other texts are no paths",
    arguments: [
      "", "tile", "tile/0", "tile/0/", "tile/0/1", "tile/0/0001", "tile/64/000", "tile/00/000",
      "tile/-1/000", "tile/0/x000/001", "tile/0/001/002", "tile/0/x001/x002", "tile/0/x01/002",
      "tile/0/000.p", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/",
      "tile/0/000/1", "tile/entries", "/tile/0/000", "tile/0/000/", "tile/0/ 00", "tile/entry/000",
      "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/x001/x001/x001/x001/x001/x001/x001/001",
    ])
  func malformed(path: String) {
    #expect(throws: TransparencyLogError.self) { try TileCoordinate(path: path) }
  }

  @Test("levels 0 to 63 and widths 1 to 256 exist, no others")
  func limits() throws {
    for level in [0, 63] { _ = try TileCoordinate(.hashes(level: level), index: 0) }
    for level in [-1, 64] {
      #expect(throws: TransparencyLogError.self) {
        try TileCoordinate(.hashes(level: level), index: 0)
      }
    }
    for width in [1, 256] { _ = try TileCoordinate(.entries, index: 0, width: width) }
    for width in [0, 257] {
      #expect(throws: TransparencyLogError.self) {
        try TileCoordinate(.entries, index: 0, width: width)
      }
    }
    let last = TreeShape.leafCountMax / 256
    _ = try TileCoordinate(.entries, index: last)
    #expect(throws: TransparencyLogError.self) { try TileCoordinate(.entries, index: last + 1) }
  }

  @Test("a tree of 70,000 entries has the tiles that the specification counts")
  func counts() throws {
    let level0 = try TileCoordinate.all(.hashes(level: 0), treeSize: 70_000)
    #expect(level0.count == 274)
    #expect(level0.last?.width == 112)
    #expect(level0.dropLast().allSatisfy { $0.width == 256 })
    let level1 = try TileCoordinate.all(.hashes(level: 1), treeSize: 70_000)
    #expect(level1.map(\.width) == [256, 17])
    #expect(try TileCoordinate.all(.hashes(level: 2), treeSize: 70_000).map(\.width) == [1])
    #expect(TileCoordinate.levelCount(treeSize: 70_000) == 3)
    #expect(TileCoordinate.levelCount(treeSize: 256) == 2)
    #expect(TileCoordinate.levelCount(treeSize: 255) == 1)
    #expect(TileCoordinate.levelCount(treeSize: 0) == 0)
  }

  @Test("tiles alone give every root and proof", arguments: [1, 2, 255, 256, 257, 300, 600])
  func proofs(size: Int) throws {
    let tree = try MemoryTree(count: size)
    var reader = TileReader(treeSize: UInt64(size)) { tile in
      guard case .hashes(let level) = tile.content else { return [] }
      let first = tile.index * 256
      return try (first..<first + UInt64(tile.width)).map {
        try tree.node(NodeCoordinate(level: 8 * level, index: $0))
      }
    }
    #expect(try reader.root() == tree.roots[size])
    for index in Set([0, size / 3, size / 2, size - 1]) {
      let proof = try reader.inclusionProof(of: UInt64(index))
      try proof.verify(leaf: tree.leaves[index], root: tree.roots[size])
      try reader.consistencyProof(from: UInt64(index)).verify(
        oldRoot: tree.roots[index], newRoot: tree.roots[size])
    }
    #expect(throws: TransparencyLogError.self) {
      try reader.node(NodeCoordinate(level: 0, index: UInt64(size)))
    }
  }

  @Test("a tile of another width than asked for is refused")
  func wrongWidth() throws {
    let leaf = try MerkleHash.leaf([1])
    var reader = TileReader(treeSize: 3) { _ in [leaf, leaf] }
    #expect(throws: TransparencyLogError.malformed("tile/0/000.p/3 with 2 hashes")) {
      try reader.root()
    }
  }

  @Test("tiles and bundles read back; cut anywhere or lengthened they are refused")
  func coding() throws {
    let tree = try MemoryTree(count: 5)
    let tile = TileCoding.encode(tree.leaves)
    #expect(try TileCoding.decode(tile: tile, width: 5) == tree.leaves)
    #expect(throws: TransparencyLogError.self) { try TileCoding.decode(tile: tile, width: 4) }
    let entries: [[UInt8]] = [[], [1], Array("entry".utf8), [UInt8](repeating: 7, count: 300)]
    let bundle = try TileCoding.encode(entries: entries)
    #expect(try TileCoding.decode(bundle: bundle, width: 4) == entries)
    for byteCount in 0..<bundle.count {
      #expect(throws: TransparencyLogError.self) {
        try TileCoding.decode(bundle: Array(bundle[..<byteCount]), width: 4)
      }
    }
    #expect(throws: TransparencyLogError.self) {
      try TileCoding.decode(bundle: bundle + [0, 0], width: 4)
    }
    #expect(throws: TransparencyLogError.self) {
      try TileCoding.decode(bundle: bundle, width: 3)
    }
  }

  @Test("an entry of 65,535 bytes fits into a bundle, one of 65,536 does not")
  func entryLimit() throws {
    let longest = [UInt8](repeating: 1, count: TileCoding.entryByteCountMax)
    let bundle = try TileCoding.encode(entries: [longest])
    #expect(try TileCoding.decode(bundle: bundle, width: 1) == [longest])
    #expect(
      throws: TransparencyLogError.tooLarge("bytes of an entry", count: 65_536, limit: 65_535)
    ) { try TileCoding.encode(entries: [longest + [1]]) }
  }
}
