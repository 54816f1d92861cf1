internal import Cryptography

/// The root of a Merkle tree over a list of leaves (RFC 6962, section 2.1): a leaf's hash is
/// SHA-256 over 0 and the leaf, a node's over 1 and its two children.
package enum MerkleTree {
  /// The root over `leaves` in the order given; of no leaves, the hash of nothing. Works from left
  /// to right with one hash for each level, so that it needs no second copy of the leaves.
  package static func root(of leaves: some Sequence<[UInt8]>) throws -> [UInt8] {
    // The complete subtrees so far, largest first; `level` counts up from the leaves.
    var subtrees: [(level: Int, hash: [UInt8])] = []
    for leaf in leaves {
      var node = (level: 0, hash: try Digest.sha256([0] + leaf))
      while let last = subtrees.last, last.level == node.level {
        subtrees.removeLast()
        node = (node.level + 1, try parent(last.hash, node.hash))
      }
      subtrees.append(node)
    }
    guard var root = subtrees.popLast()?.hash else { return try Digest.sha256([]) }
    while let left = subtrees.popLast() { root = try parent(left.hash, root) }
    return root
  }

  private static func parent(_ left: [UInt8], _ right: [UInt8]) throws -> [UInt8] {
    try Digest.sha256([1] + left + right)
  }
}
