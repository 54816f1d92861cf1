/// That a tree begins with an earlier, smaller one: nothing in it was changed since, only added
/// (RFC 6962, section 2.1.2).
public struct ConsistencyProof: Hashable, Sendable {
  /// The size of the earlier tree.
  public let oldSize: UInt64
  /// The size of the later tree.
  public let newSize: UInt64
  /// The hashes, in the RFC's order.
  public let path: [MerkleHash]

  /// The proof with these parts, not yet verified.
  ///
  /// - Throws: `outOfRange` for an earlier tree larger than the later, `tooLarge` for a path longer
  ///   than any.
  public init(
    oldSize: UInt64, newSize: UInt64, path: [MerkleHash]
  ) throws(TransparencyLogError) {
    guard newSize <= TreeShape.leafCountMax, oldSize <= newSize else {
      throw .outOfRange("a tree of \(oldSize)", treeSize: newSize)
    }
    guard path.count <= TreeShape.proofHashCountMax else {
      throw .tooLarge(
        "hashes of a proof", count: path.count, limit: TreeShape.proofHashCountMax)
    }
    self.oldSize = oldSize
    self.newSize = newSize
    self.path = path
  }

  /// Makes the proof from a tree's nodes.
  public init(
    oldSize: UInt64, newSize: UInt64, _ node: (NodeCoordinate) throws -> MerkleHash
  ) throws {
    guard newSize <= TreeShape.leafCountMax, oldSize <= newSize else {
      throw TransparencyLogError.outOfRange("a tree of \(oldSize)", treeSize: newSize)
    }
    var path: [MerkleHash] = []
    if oldSize > 0 {
      var range = 0..<newSize
      // SUBPROOF of the RFC, from the root down.
      while range.upperBound != oldSize {
        let middle =
          range.lowerBound + TreeShape.largestPower(below: range.upperBound - range.lowerBound)
        if oldSize <= middle {
          path.append(try TreeShape.hash(middle..<range.upperBound, node))
          range = range.lowerBound..<middle
        } else {
          path.append(try TreeShape.hash(range.lowerBound..<middle, node))
          range = middle..<range.upperBound
        }
      }
      // The verifier has the earlier root already where the way ends at the tree's own left edge.
      if range.lowerBound > 0 { path.append(try TreeShape.hash(range, node)) }
    }
    try self.init(oldSize: oldSize, newSize: newSize, path: path.reversed())
  }

  /// Throws `notConsistent` unless the path leads to both roots (RFC 9162, section 2.1.4.2).
  public func verify(
    oldRoot: MerkleHash, newRoot: MerkleHash
  ) throws(TransparencyLogError) {
    let failure = TransparencyLogError.notConsistent(oldSize: oldSize, newSize: newSize)
    if oldSize == 0 || oldSize == newSize {
      let expected = oldSize == 0 && newSize > 0 ? try MerkleHash.emptyTree() : newRoot
      guard path.isEmpty, oldRoot == expected else { throw failure }
      return
    }
    var rest = path[...]
    if oldSize.nonzeroBitCount == 1 { rest = [oldRoot] + rest }
    guard let first = rest.popFirst() else { throw failure }
    var position = oldSize - 1
    var last = newSize - 1
    while position & 1 == 1 {
      position >>= 1
      last >>= 1
    }
    var older = first
    var newer = first
    for hash in rest {
      guard last > 0 else { throw failure }
      if position & 1 == 1 || position == last {
        older = try .node(hash, older)
        newer = try .node(hash, newer)
        while position & 1 == 0, position != 0 {
          position >>= 1
          last >>= 1
        }
      } else {
        newer = try .node(newer, hash)
      }
      position >>= 1
      last >>= 1
    }
    guard last == 0, older == oldRoot, newer == newRoot else { throw failure }
  }
}
