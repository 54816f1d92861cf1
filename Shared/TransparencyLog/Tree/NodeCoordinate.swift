/// The place of a node that stands above a full power of two of leaves, and therefore never changes.
public struct NodeCoordinate: Hashable, Sendable {
  /// 0 for leaves; a node of level l stands above 2^l of them.
  public let level: Int
  /// Its place in its level, from 0.
  public let index: UInt64

  /// The node at this place; `level` is in 0..<64.
  public init(level: Int, index: UInt64) {
    precondition((0..<64).contains(level), "a tree has levels 0 to 63")
    self.level = level
    self.index = index
  }

  /// The first leaf below it.
  public var firstLeaf: UInt64 { index << UInt64(level) }

  /// The leaf whose arrival completes it: the last one below it.
  public var lastLeaf: UInt64 { firstLeaf + (1 << UInt64(level)) - 1 }
}

/// The tree of RFC 6962 as arithmetic: which nodes a tree, a proof or a new leaf is made of. Holds
/// no hash; whoever keeps the hashes lends them as a function.
public enum TreeShape {
  /// The most leaves of a tree: its size stays a positive number of 64 bits with sign.
  public static let leafCountMax = UInt64(Int64.max)
  /// The most hashes in an inclusion or consistency proof.
  public static let proofHashCountMax = 64

  /// The hashes that leaf number `index` completes, its own first, then upwards: one more than
  /// `index` has one-bits at its end, two on average.
  ///
  /// - Parameter node: gives the node at a place left of the new leaf.
  public static func completed(
    by leaf: MerkleHash, at index: UInt64, _ node: (NodeCoordinate) throws -> MerkleHash
  ) throws -> [MerkleHash] {
    var hashes = [leaf]
    var hash = leaf
    for level in 0..<index.trailingOneBitCount {
      let left = NodeCoordinate(level: level, index: (index >> UInt64(level)) - 1)
      hash = try MerkleHash.node(node(left), hash)
      hashes.append(hash)
    }
    return hashes
  }

  /// The root of the tree of the first `size` leaves.
  public static func root(
    ofSize size: UInt64, _ node: (NodeCoordinate) throws -> MerkleHash
  ) throws -> MerkleHash {
    guard size > 0 else { return try .emptyTree() }
    return try hash(0..<size, node)
  }

  /// The hash over a range of leaves that begins at a multiple of a power of two no smaller than the
  /// range: MTH(D[range]) of RFC 6962.
  static func hash(
    _ range: Range<UInt64>, _ node: (NodeCoordinate) throws -> MerkleHash
  ) throws -> MerkleHash {
    let count = range.upperBound - range.lowerBound
    if count.nonzeroBitCount == 1 {
      let level = count.trailingZeroBitCount
      return try node(NodeCoordinate(level: level, index: range.lowerBound >> UInt64(level)))
    }
    let middle = range.lowerBound + largestPower(below: count)
    return try .node(
      hash(range.lowerBound..<middle, node), hash(middle..<range.upperBound, node))
  }

  /// The largest power of two smaller than `count`, which is at least 2: k of RFC 6962.
  static func largestPower(below count: UInt64) -> UInt64 {
    1 << UInt64(63 - (count - 1).leadingZeroBitCount)
  }
}

extension UInt64 {
  fileprivate var trailingOneBitCount: Int { (~self).trailingZeroBitCount }
}
