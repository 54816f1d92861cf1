/// The right edge of a growing tree: the least that appending and the root need, at most 63 hashes.
public struct TreeFrontier: Hashable, Sendable {
  /// How many leaves there are.
  public private(set) var size: UInt64
  /// The roots of the full trees that it is made of, the largest first: one for each one-bit of the
  /// size.
  public private(set) var hashes: [MerkleHash]

  /// The tree without leaves.
  public init() {
    size = 0
    hashes = []
  }

  /// The edge of a tree of this size, from its nodes.
  public init(size: UInt64, _ node: (NodeCoordinate) throws -> MerkleHash) throws {
    guard size <= TreeShape.leafCountMax else {
      throw TransparencyLogError.tooLarge(
        "leaves of a tree", count: Int(clamping: size), limit: Int(TreeShape.leafCountMax))
    }
    self.size = size
    hashes = []
    for level in (0..<63).reversed() where size >> UInt64(level) & 1 == 1 {
      // Whatever stands left of this full tree is a multiple of twice its size.
      let index = (size >> UInt64(level)) - 1
      hashes.append(try node(NodeCoordinate(level: level, index: index)))
    }
  }

  /// Adds a leaf; answers the hashes that it completes, its own first (`TreeShape.completed`).
  @discardableResult
  public mutating func append(_ leaf: MerkleHash) throws(TransparencyLogError) -> [MerkleHash] {
    guard size < TreeShape.leafCountMax else {
      throw .tooLarge(
        "leaves of a tree", count: Int(TreeShape.leafCountMax), limit: Int(TreeShape.leafCountMax))
    }
    var completed = [leaf]
    var hash = leaf
    var rest = size
    while rest & 1 == 1, let left = hashes.popLast() {
      hash = try .node(left, hash)
      completed.append(hash)
      rest >>= 1
    }
    hashes.append(hash)
    size += 1
    return completed
  }

  /// The root of the whole tree.
  public func root() throws(TransparencyLogError) -> MerkleHash {
    guard var root = hashes.last else { return try .emptyTree() }
    for left in hashes.dropLast().reversed() { root = try .node(left, root) }
    return root
  }
}
