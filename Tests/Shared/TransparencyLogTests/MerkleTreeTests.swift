internal import Foundation
internal import PrivacyCore
internal import Testing
internal import TransparencyLog

/// The published vectors of RFC 6962.
struct TreeVectors: Decodable {
  struct Inclusion: Decodable {
    let index: UInt64
    let size: UInt64
    let path: [String]
  }
  struct Consistency: Decodable {
    let old: UInt64
    let new: UInt64
    let path: [String]
  }

  let leaves: [String]
  let roots: [String]
  let inclusion: [Inclusion]
  let consistency: [Consistency]

  static func load() throws -> TreeVectors {
    try JSONDecoder().decode(TreeVectors.self, from: vectorFile("rfc6962.json"))
  }
}

/// A file of published or recorded vectors.
func vectorFile(_ name: String) throws -> Data {
  try Data(
    contentsOf: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Vectors/transparency-log/\(name)"))
}

func hash(_ hexadecimal: String) throws -> MerkleHash {
  let bytes = try #require(Hexadecimal.decode(hexadecimal))
  return try #require(MerkleHash(bytes))
}

/// A tree in memory, every node kept: the tests' own oracle of what nodes are.
struct MemoryTree {
  private(set) var frontier = TreeFrontier()
  private var nodes: [NodeCoordinate: MerkleHash] = [:]
  private(set) var leaves: [MerkleHash] = []
  private(set) var roots: [MerkleHash] = []

  init(entries: [[UInt8]]) throws {
    roots = [try frontier.root()]
    for entry in entries {
      let leaf = try MerkleHash.leaf(entry)
      let index = frontier.size
      for (level, hash) in try frontier.append(leaf).enumerated() {
        nodes[NodeCoordinate(level: level, index: index >> UInt64(level))] = hash
      }
      leaves.append(leaf)
      roots.append(try frontier.root())
    }
  }

  init(count: Int) throws {
    try self.init(entries: (0..<count).map { Array("entry \($0)".utf8) })
  }

  func node(_ place: NodeCoordinate) throws -> MerkleHash { try #require(nodes[place]) }
}

@Suite("The Merkle tree")
struct MerkleTreeTests {
  @Test("the published entries give the published roots")
  func roots() throws {
    let vectors = try TreeVectors.load()
    let tree = try MemoryTree(entries: vectors.leaves.map { try #require(Hexadecimal.decode($0)) })
    #expect(tree.roots == (try vectors.roots.map(hash)))
    #expect(tree.roots.count == 9)
    for size in 0...8 {
      #expect(try TreeShape.root(ofSize: UInt64(size), tree.node) == tree.roots[size])
    }
  }

  @Test("the published inclusion proofs are made and verify")
  func inclusionVectors() throws {
    let vectors = try TreeVectors.load()
    let tree = try MemoryTree(entries: vectors.leaves.map { try #require(Hexadecimal.decode($0)) })
    for vector in vectors.inclusion {
      let proof = try InclusionProof(
        leafIndex: vector.index, treeSize: vector.size, tree.node)
      #expect(proof.path == (try vector.path.map(hash)))
      try proof.verify(
        leaf: tree.leaves[Int(vector.index)], root: tree.roots[Int(vector.size)])
    }
  }

  @Test("the published consistency proofs are made and verify")
  func consistencyVectors() throws {
    let vectors = try TreeVectors.load()
    let tree = try MemoryTree(entries: vectors.leaves.map { try #require(Hexadecimal.decode($0)) })
    for vector in vectors.consistency {
      let proof = try ConsistencyProof(oldSize: vector.old, newSize: vector.new, tree.node)
      #expect(proof.path == (try vector.path.map(hash)))
      try proof.verify(
        oldRoot: tree.roots[Int(vector.old)], newRoot: tree.roots[Int(vector.new)])
    }
  }

  @Test("every proof of every tree of up to 40 entries verifies, and no other")
  func allProofs() throws {
    let tree = try MemoryTree(count: 40)
    for size in 1...40 {
      let root = tree.roots[size]
      for index in 0..<size {
        let proof = try InclusionProof(
          leafIndex: UInt64(index), treeSize: UInt64(size), tree.node)
        try proof.verify(leaf: tree.leaves[index], root: root)
        let other = tree.leaves[(index + 1) % 40]
        #expect(
          throws: TransparencyLogError.notIncluded(
            leafIndex: UInt64(index), treeSize: UInt64(size))
        ) { try proof.verify(leaf: other, root: root) }
        #expect(throws: TransparencyLogError.self) {
          try proof.verify(leaf: tree.leaves[index], root: tree.roots[size - 1])
        }
      }
      for old in 0...size {
        let proof = try ConsistencyProof(
          oldSize: UInt64(old), newSize: UInt64(size), tree.node)
        try proof.verify(oldRoot: tree.roots[old], newRoot: root)
        #expect(
          throws: TransparencyLogError.notConsistent(
            oldSize: UInt64(old), newSize: UInt64(size))
        ) { try proof.verify(oldRoot: tree.roots[(old + 7) % 40], newRoot: root) }
        // Every tree begins with the empty one.
        guard old > 0 else { continue }
        #expect(throws: TransparencyLogError.self, "from \(old) to \(size)") {
          try proof.verify(oldRoot: tree.roots[old], newRoot: tree.roots[(size + 3) % 41])
        }
      }
    }
  }

  @Test("a proof with one hash more, one less, two swapped or one bit changed is refused")
  func mangledProofs() throws {
    let tree = try MemoryTree(count: 29)
    for index in [0, 7, 16, 28] {
      let whole = try InclusionProof(leafIndex: UInt64(index), treeSize: 29, tree.node)
      for path in try mangled(whole.path) {
        let proof = try InclusionProof(leafIndex: UInt64(index), treeSize: 29, path: path)
        #expect(throws: TransparencyLogError.self) {
          try proof.verify(leaf: tree.leaves[index], root: tree.roots[29])
        }
      }
    }
    for old in [1, 5, 8, 16, 28] {
      let whole = try ConsistencyProof(oldSize: UInt64(old), newSize: 29, tree.node)
      for path in try mangled(whole.path) {
        let proof = try ConsistencyProof(oldSize: UInt64(old), newSize: 29, path: path)
        #expect(throws: TransparencyLogError.self) {
          try proof.verify(oldRoot: tree.roots[old], newRoot: tree.roots[29])
        }
      }
    }
    let none = try ConsistencyProof(oldSize: 3, newSize: 29, path: [])
    #expect(throws: TransparencyLogError.notConsistent(oldSize: 3, newSize: 29)) {
      try none.verify(oldRoot: tree.roots[3], newRoot: tree.roots[29])
    }
  }

  private func mangled(_ path: [MerkleHash]) throws -> [[MerkleHash]] {
    var first = path[0].bytes
    first[31] ^= 1
    let changed = try #require(MerkleHash(first))
    return [
      Array(path.dropLast()), Array(path.dropFirst()), path + [path[0]],
      [changed] + path.dropFirst(),
      [path[path.count - 1]] + path.dropFirst().dropLast() + [path[0]],
    ].filter { $0 != path }
  }

  @Test("a proof of 64 hashes is taken, one of 65 is not; a place outside the tree is not")
  func limits() throws {
    let leaf = try MerkleHash.leaf([1])
    let longest = [MerkleHash](repeating: leaf, count: TreeShape.proofHashCountMax)
    _ = try InclusionProof(leafIndex: 0, treeSize: 1, path: longest)
    _ = try ConsistencyProof(oldSize: 1, newSize: 1, path: longest)
    #expect(
      throws: TransparencyLogError.tooLarge("hashes of a proof", count: 65, limit: 64)
    ) { try InclusionProof(leafIndex: 0, treeSize: 1, path: longest + [leaf]) }
    #expect(
      throws: TransparencyLogError.tooLarge("hashes of a proof", count: 65, limit: 64)
    ) { try ConsistencyProof(oldSize: 1, newSize: 1, path: longest + [leaf]) }
    let largest = TreeShape.leafCountMax
    _ = try InclusionProof(leafIndex: largest - 1, treeSize: largest, path: [])
    _ = try ConsistencyProof(oldSize: largest, newSize: largest, path: [])
    for (index, size) in [(largest, largest), (1, 1), (0, 0), (0, largest + 1)]
      as [(UInt64, UInt64)]
    {
      #expect(throws: TransparencyLogError.outOfRange("leaf \(index)", treeSize: size)) {
        try InclusionProof(leafIndex: index, treeSize: size, path: [])
      }
      #expect(throws: TransparencyLogError.outOfRange("leaf \(index)", treeSize: size)) {
        try InclusionProof(leafIndex: index, treeSize: size) { _ in leaf }
      }
    }
    for (old, new) in [(2, 1), (0, largest + 1)] as [(UInt64, UInt64)] {
      #expect(throws: TransparencyLogError.outOfRange("a tree of \(old)", treeSize: new)) {
        try ConsistencyProof(oldSize: old, newSize: new, path: [])
      }
      #expect(throws: TransparencyLogError.outOfRange("a tree of \(old)", treeSize: new)) {
        try ConsistencyProof(oldSize: old, newSize: new) { _ in leaf }
      }
    }
  }

  @Test("proofs for the largest tree are short and verify against each other")
  func largestTree() throws {
    // Every full subtree has the same leaves, so that each level has one hash.
    var levels = [try MerkleHash.leaf([1])]
    for level in 0..<63 { levels.append(try .node(levels[level], levels[level])) }
    let node = { (place: NodeCoordinate) in levels[place.level] }
    let size = TreeShape.leafCountMax
    let root = try TreeShape.root(ofSize: size, node)
    let frontier = try TreeFrontier(size: size, node)
    #expect(try frontier.root() == root)
    #expect(frontier.hashes.count == 63)
    for index in [0, 1, size / 2, size - 1] {
      let proof = try InclusionProof(leafIndex: index, treeSize: size, node)
      #expect(proof.path.count <= 63)
      try proof.verify(leaf: levels[0], root: root)
    }
    let old = size / 3
    try ConsistencyProof(oldSize: old, newSize: size, node).verify(
      oldRoot: try TreeShape.root(ofSize: old, node), newRoot: root)
    var full = frontier
    #expect(throws: TransparencyLogError.self) { try full.append(levels[0]) }
    #expect(throws: TransparencyLogError.self) { try TreeFrontier(size: size + 1, node) }
  }

  @Test("what a new leaf completes is what the growing edge says")
  func completed() throws {
    let tree = try MemoryTree(count: 300)
    var frontier = TreeFrontier()
    for (index, leaf) in tree.leaves.enumerated() {
      let expected = try frontier.append(leaf)
      #expect(try TreeShape.completed(by: leaf, at: UInt64(index), tree.node) == expected)
      #expect(try TreeFrontier(size: UInt64(index + 1), tree.node) == frontier)
      for (level, hash) in expected.enumerated() {
        let place = NodeCoordinate(level: level, index: UInt64(index) >> UInt64(level))
        #expect(place.lastLeaf == UInt64(index))
        #expect(try tree.node(place) == hash)
      }
    }
  }

  @Test("a hash has 32 bytes and one text")
  func hashes() throws {
    let leaf = try MerkleHash.leaf([1])
    #expect(MerkleHash(base64: leaf.description) == leaf)
    #expect(MerkleHash([UInt8](repeating: 0, count: 31)) == nil)
    #expect(MerkleHash([UInt8](repeating: 0, count: 33)) == nil)
    #expect(MerkleHash(base64: String(leaf.description.dropLast())) == nil)
    // The last digit before the padding carries two bits that must be zero.
    let text = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB="
    #expect(MerkleHash(base64: text) == nil)
    #expect(MerkleHash(base64: text.replacing("B=", with: "A=")) != nil)
  }
}
