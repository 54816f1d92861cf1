internal import PrivacyCore
public import TransparencyLog

/// Many things that are logged as one entry: its leaf holds their number and the root of a tree of
/// their own, so that each can be proven and each forgotten by itself. Whoever fills a batch keeps
/// what opens its members: salts and contents.
///
/// Filled and appended (`AuditLog.append(_:_:in:)`) within one transaction.
public struct AuditBatch: Sendable {
  /// The most members of a batch.
  public static let countMax = 65_536

  private var frontier = TreeFrontier()
  /// The hashes of each group of members, as they were completed.
  private(set) var groups: [[UInt8]] = []
  /// The roots of the full groups.
  private(set) var groupRoots: [MerkleHash] = []

  /// A batch without members.
  public init() {}

  /// How many members there are.
  public var count: Int { Int(frontier.size) }

  /// Adds the member that consists of `content`; answers its place in the batch, from 0. Costs about
  /// three hashes.
  ///
  /// - Throws: `tooLarge` for one member too many; `malformed` for a salt of another length.
  public mutating func add(
    salt: [UInt8], content: [UInt8]
  ) throws(TransparencyLogError) -> UInt32 {
    let place = count
    guard place < Self.countMax else {
      throw .tooLarge("members of a batch", count: place + 1, limit: Self.countMax)
    }
    let completed = try frontier.append(Self.hash(salt: salt, content: content))
    if BatchGroup.offset(of: place) == 0 { groups.append([]) }
    // The hashes above a full group are few: a reader computes them.
    for hash in completed.prefix(BatchGroup.height + 1) {
      hash.append(to: &groups[groups.count - 1])
    }
    if completed.count > BatchGroup.height { groupRoots.append(completed[BatchGroup.height]) }
    return UInt32(place)
  }

  /// The root of the members' tree.
  public func root() throws(TransparencyLogError) -> MerkleHash { try frontier.root() }

  /// The hash of a member in its batch's tree.
  public static func hash(
    salt: [UInt8], content: [UInt8]
  ) throws(TransparencyLogError) -> MerkleHash {
    try .leaf(SaltedCommitment(salt: salt, content: content).hash.bytes)
  }
}

/// How the hashes of a batch lie in the store: the members in groups of 256, a row for each, which
/// holds the hashes of the group's tree in the order of their completion.
enum BatchGroup {
  /// The levels of a full group's tree above its leaves.
  static let height = 8
  /// The row of the full groups' roots.
  static let rootsRow = UInt32.max

  static func number(of place: Int) -> Int { place >> height }
  static func offset(of place: Int) -> Int { place & ((1 << height) - 1) }

  /// Where the hash stands that the member at `offset` of a group completed at `level`: n leaves
  /// complete 2n hashes less one for each one-bit of n.
  static func position(offset: Int, level: Int) -> Int {
    2 * offset - offset.nonzeroBitCount + level
  }
}

/// That something is a member of a batch, and the batch's own leaf.
public struct BatchProof: Hashable, Sendable {
  /// The leaf of the batch, as it is hashed.
  public let leaf: [UInt8]
  /// The way from the member to the root that the leaf holds.
  public let inclusion: InclusionProof
}
