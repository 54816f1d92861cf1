internal import Glibc
internal import Synchronization

/// For stretches of the key space that are half as many as the nodes of one level of a memtable:
/// the last node in each.
///
/// A stretch is given by the 18 or so bits behind the table's number, so that keys which begin
/// with random bytes spread over all of them. What it gives is a place to begin, not an answer:
/// tables share the places, and a node may be far away.
///
/// Sendable: one thread adds while any number ask. A node is noted with a releasing store once it is
/// linked in.
@safe final class KeyDirectory: @unchecked Sendable {
  private let addresses: UnsafeMutablePointer<Atomic<UInt>>
  private let bitCount: Int

  /// How many stretches are looked at for one that has a node.
  private static let emptyCountMax = 4

  /// Two nodes to a stretch when there are `expectedCount`.
  init(expectedCount: Int) {
    var bitCount = 6
    while 2 << bitCount < expectedCount, bitCount < 24 { bitCount += 1 }
    self.bitCount = bitCount
    // Zeroed by the system when it is touched: most memtables stay small.
    guard let memory = unsafe calloc(1 << bitCount, MemoryLayout<Atomic<UInt>>.size) else {
      preconditionFailure("no memory for a directory of keys")
    }
    unsafe addresses = memory.bindMemory(to: Atomic<UInt>.self, capacity: 1 << bitCount)
  }

  deinit { unsafe free(addresses) }

  /// Where the key lies in its table.
  private func stretch(of prefix: UInt64) -> Int { Int((prefix << 16) >> (64 - bitCount)) }

  /// The place of a stretch. Tables begin at places far apart, since the same people are often in
  /// several of them.
  private func place(_ stretch: Int, of prefix: UInt64) -> UnsafeMutablePointer<Atomic<UInt>> {
    let offset = Int(truncatingIfNeeded: (prefix >> 48) &* 0x9E37_79B9)
    return unsafe addresses + ((stretch &+ offset) & (1 << bitCount - 1))
  }

  /// Takes note of a new node.
  func add(_ node: MemtableNode) {
    let prefix = node.prefix
    let place = unsafe place(stretch(of: prefix), of: prefix)
    let noted = unsafe place.pointee.load(ordering: .relaxed)
    if let last = MemtableNode(address: noted), last.prefix > prefix,
      last.prefix >> 48 == prefix >> 48
    {
      return
    }
    unsafe place.pointee.store(node.address, ordering: .releasing)
  }

  /// The last node of the nearest stretch before that of `prefix`.
  func node(before prefix: UInt64) -> MemtableNode? {
    let stretch = stretch(of: prefix)
    for index in 1...Self.emptyCountMax where index <= stretch {
      let noted = unsafe place(stretch - index, of: prefix).pointee.load(ordering: .acquiring)
      if let node = MemtableNode(address: noted) { return node }
    }
    return nil
  }
}
