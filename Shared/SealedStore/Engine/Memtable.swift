internal import Synchronization

/// Changes that the journal holds and the tables do not, in key order: a skip list of versions.
///
/// One thread inserts while any number read: nodes never move or go before the table does, and a
/// node is linked in with a releasing store after it is complete (the arrangement is LevelDB's).
/// Within one key the newest version comes first; a reader passes the newest position it may see.
///
/// Searching a large list waits for memory at every step. So a search begins at a node close by,
/// which it finds in a directory by the key's first bits (`KeyDirectory`): there is one of each of
/// the lowest levels, in which alone nearly all nodes are linked. Keys that begin alike, such as
/// times, are found the long way.
///
/// `@unchecked Sendable`: `count`, `byteCount`, `arena`, `path` and `random` belong to the one
/// inserting thread; readers follow atomic links to memory that is complete and never changes.
@safe final class Memtable: @unchecked Sendable {
  /// The number of versions inserted.
  private(set) var count = 0
  /// The bytes of memory the versions take.
  private(set) var byteCount = 0
  /// The position of the newest version, and of the last before this table began.
  private(set) var lastSequence: UInt64
  let baseSequence: UInt64

  private let head: MemtableNode
  private let path: UnsafeMutablePointer<MemtableNode>
  private var arena: Arena
  private var random: UInt64 = 0x9E37_79B9_7F4A_7C15
  private let filter: KeyFilter?
  private let directories: [KeyDirectory]
  /// For each of the first tables the node inserted last in each level: where a key that follows it
  /// belongs. Keys that count upwards, or begin with a time, find their place at once.
  private let fingers: UnsafeMutablePointer<MemtableNode>
  private static let fingerTableCount = 32
  /// How many nodes are looked at from a node close by before the search begins at the head.
  private static let nearStepCountMax = 8

  /// An empty table for what comes after `baseSequence`. With `expectedCount` it answers most
  /// questions for keys it does not hold without a search.
  init(after baseSequence: UInt64, expectedCount: Int = 0) {
    self.baseSequence = baseSequence
    lastSequence = baseSequence
    arena = Arena()
    filter = expectedCount > 0 ? KeyFilter(expectedCount: expectedCount) : nil
    // 63 of 64 nodes do not reach beyond the third level.
    directories =
      expectedCount > 0
      ? (0..<3).map { KeyDirectory(expectedCount: expectedCount >> (2 * $0)) } : []
    unsafe head = MemtableNode.make(
      in: &arena, sequence: 0, key: UnsafeRawBufferPointer(start: nil, count: 0), value: nil,
      height: MemtableNode.heightMax)
    unsafe path = .allocate(capacity: MemtableNode.heightMax)
    unsafe path.initialize(repeating: head, count: MemtableNode.heightMax)
    let fingerCount = Self.fingerTableCount * MemtableNode.heightMax
    unsafe fingers = .allocate(capacity: fingerCount)
    unsafe fingers.initialize(repeating: head, count: fingerCount)
  }

  deinit {
    unsafe path.deallocate()
    unsafe fingers.deallocate()
  }

  /// Adds a version; `nil` says that the key is removed. Of equal keys and positions the one
  /// inserted last is found first.
  func insert(
    _ key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, sequence: UInt64
  ) {
    let height = nextHeight()
    let fingers = unsafe fingers(of: key)
    if unsafe !findPath(by: fingers, key, sequence: sequence, height: height),
      unsafe !findPathNearby(key, sequence: sequence, height: height)
    {
      _ = unsafe search(for: key, sequence: sequence, recordingPath: true)
    }
    let node = unsafe MemtableNode.make(
      in: &arena, sequence: sequence, key: key, value: value, height: height)
    unsafe filter?.insert(key)
    for level in 0..<height { unsafe node.setNext(path[level].next(level), level) }
    for level in 0..<height { unsafe path[level].setNext(node, level) }
    for level in 0..<min(height, directories.count) { directories[level].add(node) }
    if let fingers = unsafe fingers {
      for level in 0..<height { unsafe fingers[level] = node }
    }
    count += 1
    byteCount += node.byteCount
    lastSequence = max(lastSequence, sequence)
  }

  /// The newest version of `key` at or before `limit`.
  func find(_ key: UnsafeRawBufferPointer, limit: UInt64) -> MemtableNode? {
    if let filter, unsafe !filter.mayContain(key) { return nil }
    guard let node = unsafe firstNode(from: key, sequence: limit), unsafe node.compare(key) == 0
    else { return nil }
    return node
  }

  /// The first key from `key` on that has a version at or before `limit`: that version.
  func first(from key: UnsafeRawBufferPointer, limit: UInt64) -> MemtableNode? {
    var node = unsafe firstNode(from: key, sequence: .max)
    while let candidate = node, candidate.sequence > limit { node = candidate.next(0) }
    return node
  }

  /// The first version at or before `limit` of the keys behind that of `node`.
  func next(after node: MemtableNode, limit: UInt64) -> MemtableNode? {
    var next = node.next(0)
    while let candidate = next {
      if candidate.sequence <= limit, unsafe candidate.compare(node.key) != 0 { return candidate }
      next = candidate.next(0)
    }
    return nil
  }

  /// The version at or before `limit` of the last key before `key` that has one.
  func last(before key: UnsafeRawBufferPointer, limit: UInt64) -> MemtableNode? {
    var end = unsafe key
    while let node = unsafe lastNode(before: end) {
      if let visible = unsafe firstNode(from: node.key, sequence: limit),
        unsafe visible.compare(node.key) == 0
      {
        return visible
      }
      unsafe end = node.key
    }
    return nil
  }

  /// A new table with the versions at or before `limit`: what is left when a commit failed.
  func copy(through limit: UInt64, expectedCount: Int) -> Memtable {
    let copy = Memtable(after: baseSequence, expectedCount: expectedCount)
    var node = head.next(0)
    while let version = node {
      if version.sequence <= limit {
        unsafe copy.insert(version.key, value: version.value, sequence: version.sequence)
      }
      node = version.next(0)
    }
    return copy
  }

  // MARK: - Search

  /// The first node that does not stand before a version of `key` at `sequence`.
  private func firstNode(
    from key: UnsafeRawBufferPointer, sequence: UInt64
  ) -> MemtableNode? {
    let prefix = unsafe MemtableNode.prefix(of: key)
    guard
      let last = unsafe lastNodeNearby(before: key, prefix: prefix, sequence: sequence, level: 0)
    else { return unsafe search(for: key, sequence: sequence, recordingPath: false) }
    return last.next
  }

  /// The last node of a level that stands before a version of `key` at `sequence`, and the one behind
  /// it; `nil` where it is not within a few steps of one that the directory knows.
  private func lastNodeNearby(
    before key: UnsafeRawBufferPointer, prefix: UInt64, sequence: UInt64, level: Int
  ) -> (node: MemtableNode, next: MemtableNode?)? {
    guard level < directories.count, var node = directories[level].node(before: prefix),
      unsafe node.precedes(key, prefix: prefix, sequence: sequence)
    else { return nil }
    for _ in 0...Self.nearStepCountMax {
      let next = node.next(level)
      guard let next, unsafe next.precedes(key, prefix: prefix, sequence: sequence) else {
        return (node, next)
      }
      node = next
    }
    return nil
  }

  private func search(
    for key: UnsafeRawBufferPointer, sequence: UInt64, recordingPath: Bool
  ) -> MemtableNode? {
    let prefix = unsafe MemtableNode.prefix(of: key)
    var node = head
    var level = MemtableNode.heightMax - 1
    while true {
      let next = node.next(level)
      if let next, unsafe next.precedes(key, prefix: prefix, sequence: sequence) {
        node = next
        continue
      }
      if recordingPath { unsafe path[level] = node }
      if level == 0 { return next }
      level -= 1
    }
  }

  /// The fingers of the key's table; `nil` for one that has none.
  private func fingers(
    of key: UnsafeRawBufferPointer
  ) -> UnsafeMutablePointer<MemtableNode>? {
    guard key.count >= 2, unsafe key[0] == 0 else { return nil }
    let table = unsafe Int(key[1])
    return table < Self.fingerTableCount ? unsafe fingers + table * MemtableNode.heightMax : nil
  }

  /// Sets `path` in the lowest `height` levels, if the key follows the one inserted last in its
  /// table and nothing stands between them.
  private func findPath(
    by fingers: UnsafeMutablePointer<MemtableNode>?, _ key: UnsafeRawBufferPointer,
    sequence: UInt64, height: Int
  ) -> Bool {
    guard let fingers = unsafe fingers else { return false }
    let prefix = unsafe MemtableNode.prefix(of: key)
    for level in 0..<height {
      let node = unsafe fingers[level]
      guard unsafe node.precedes(key, prefix: prefix, sequence: sequence) else { return false }
      if let next = node.next(level), unsafe next.precedes(key, prefix: prefix, sequence: sequence)
      {
        return false
      }
      unsafe path[level] = node
    }
    return true
  }

  /// Sets `path` in the lowest `height` levels, if that is found from nodes close by.
  private func findPathNearby(
    _ key: UnsafeRawBufferPointer, sequence: UInt64, height: Int
  ) -> Bool {
    guard height <= directories.count else { return false }
    let prefix = unsafe MemtableNode.prefix(of: key)
    for level in 0..<height {
      guard
        let last = unsafe lastNodeNearby(
          before: key, prefix: prefix, sequence: sequence, level: level)
      else { return false }
      unsafe path[level] = last.node
    }
    return true
  }

  private func lastNode(before key: UnsafeRawBufferPointer) -> MemtableNode? {
    let prefix = unsafe MemtableNode.prefix(of: key)
    var node = head
    var level = MemtableNode.heightMax - 1
    var moved = false
    while true {
      if let next = node.next(level), unsafe next.precedes(key, prefix: prefix, sequence: .max) {
        node = next
        moved = true
        continue
      }
      if level == 0 { return moved ? node : nil }
      level -= 1
    }
  }

  /// Each level holds a quarter of the nodes of the one below it.
  private func nextHeight() -> Int {
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    return min(MemtableNode.heightMax, 1 + (random | 1 << 62).trailingZeroBitCount / 2)
  }
}
