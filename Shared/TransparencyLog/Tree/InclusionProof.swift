/// That one entry stands at one place of a tree: the hashes beside the way from its leaf to the root
/// (RFC 6962, section 2.1.1).
public struct InclusionProof: Hashable, Sendable {
  /// The entry's place, from 0.
  public let leafIndex: UInt64
  /// The size of the tree that it is proven for.
  public let treeSize: UInt64
  /// The hashes, the leaf's sibling first.
  public let path: [MerkleHash]

  /// The proof with these parts, not yet verified.
  ///
  /// - Throws: `outOfRange` where there is no such leaf, `tooLarge` for a path longer than any.
  public init(
    leafIndex: UInt64, treeSize: UInt64, path: [MerkleHash]
  ) throws(TransparencyLogError) {
    guard treeSize <= TreeShape.leafCountMax, leafIndex < treeSize else {
      throw .outOfRange("leaf \(leafIndex)", treeSize: treeSize)
    }
    guard path.count <= TreeShape.proofHashCountMax else {
      throw .tooLarge(
        "hashes of a proof", count: path.count, limit: TreeShape.proofHashCountMax)
    }
    self.leafIndex = leafIndex
    self.treeSize = treeSize
    self.path = path
  }

  /// Makes the proof from a tree's nodes: about log2 of the size squared nodes at most, far fewer
  /// where the tree is nearly full.
  public init(
    leafIndex: UInt64, treeSize: UInt64, _ node: (NodeCoordinate) throws -> MerkleHash
  ) throws {
    guard treeSize <= TreeShape.leafCountMax, leafIndex < treeSize else {
      throw TransparencyLogError.outOfRange("leaf \(leafIndex)", treeSize: treeSize)
    }
    var path: [MerkleHash] = []
    var range = 0..<treeSize
    // From the root down; the hash nearest to the leaf comes first in a proof.
    while range.count > 1 {
      let middle =
        range.lowerBound + TreeShape.largestPower(below: range.upperBound - range.lowerBound)
      if leafIndex < middle {
        path.append(try TreeShape.hash(middle..<range.upperBound, node))
        range = range.lowerBound..<middle
      } else {
        path.append(try TreeShape.hash(range.lowerBound..<middle, node))
        range = middle..<range.upperBound
      }
    }
    try self.init(leafIndex: leafIndex, treeSize: treeSize, path: path.reversed())
  }

  /// The root that `leaf` and the path lead to (RFC 9162, section 2.1.3.2).
  ///
  /// - Throws: `notIncluded` for a path that is too long or too short for its tree.
  public func root(from leaf: MerkleHash) throws(TransparencyLogError) -> MerkleHash {
    var position = leafIndex
    var last = treeSize - 1
    var hash = leaf
    for sibling in path {
      guard last > 0 else { throw .notIncluded(leafIndex: leafIndex, treeSize: treeSize) }
      if position & 1 == 1 || position == last {
        hash = try .node(sibling, hash)
        while position & 1 == 0, position != 0 {
          position >>= 1
          last >>= 1
        }
      } else {
        hash = try .node(hash, sibling)
      }
      position >>= 1
      last >>= 1
    }
    guard last == 0 else { throw .notIncluded(leafIndex: leafIndex, treeSize: treeSize) }
    return hash
  }

  /// Throws `notIncluded` unless the path leads from `leaf` to `root`.
  public func verify(leaf: MerkleHash, root: MerkleHash) throws(TransparencyLogError) {
    guard try self.root(from: leaf) == root else {
      throw .notIncluded(leafIndex: leafIndex, treeSize: treeSize)
    }
  }
}
