package import Cryptography
package import PrivacyCore
internal import Synchronization

/// The key tree in memory: gives the keys of slots that were not destroyed.
///
/// Nodes ten levels above the slots are kept for a while, so that a slot costs about ten steps and
/// not 32, and many at once fewer still.
package final class KeyTree: Sendable {
  /// A node that is kept. Its memory is zeroed with it.
  private final class Node: Sendable {
    let place: KeyTreeCover.Place
    let key: SecretBytes

    init(place: KeyTreeCover.Place, key: consuming SecretBytes) {
      self.place = place
      self.key = key
    }
  }

  private struct State {
    var cover: KeyTreeCover
    /// Kept nodes by the number of their page, in two generations, the older of which goes when the
    /// newer one is full.
    var recent: [UInt32: Node] = [:]
    var older: [UInt32: Node] = [:]
  }

  /// The levels below a node that is kept.
  private static let pageHeight: UInt8 = 10
  /// The most nodes of one generation: 4,096 pages are four million people and 128 KiB.
  package static let pageCountMax = 4_096
  private static let nodeByteCount = KeyTreeStep.nodeByteCount

  /// Every key of a slot has this id: which slot it is of stands in the row.
  static let keyID = KeyID(rawValue: 1)

  private let step = KeyTreeStep()
  private let random: any RandomSource
  private let state: Mutex<State>

  package init(_ cover: KeyTreeCover, random: any RandomSource) {
    self.random = random
    state = Mutex(State(cover: cover))
  }

  /// The secret of now.
  package var cover: KeyTreeCover { state.withLock { $0.cover } }

  /// How many nodes are kept.
  package var pageCount: Int { state.withLock { $0.recent.count + $0.older.count } }

  /// The cover of now without `slots`, which ascend.
  func coverDestroying(_ slots: [UInt32]) throws -> KeyTreeCover {
    try cover.destroying(slots, step)
  }

  /// From now on the keys of `cover`, in which `slots` were destroyed.
  package func replace(by cover: KeyTreeCover, without slots: [UInt32]) {
    state.withLock { state in
      state.cover = cover
      for slot in slots {
        state.recent[slot >> UInt32(Self.pageHeight)] = nil
        state.older[slot >> UInt32(Self.pageHeight)] = nil
      }
    }
  }

  /// For each slot its key, `nil` where it was destroyed.
  package func keys(of slots: [UInt32]) throws -> [SealingKey?] {
    var keys = [SealingKey?](repeating: nil, count: slots.count)
    let order = slots.indices.sorted { slots[$0] < slots[$1] }
    var rest = order[...]
    while let first = rest.first {
      guard let node = try node(above: slots[first]) else {
        rest.removeFirst()
        continue
      }
      let below = rest.prefix { UInt64(slots[$0]) < node.place.end }
      rest = rest.dropFirst(below.count)
      // A place for the node of each level, all zeroed in the end.
      _ = try SecretBytes(byteCount: (Int(node.place.height) + 1) * Self.nodeByteCount) { path in
        try node.key.withUnsafeBytes { key in
          try visit(node.place, key, below, of: slots, path: path) { keys[$0] = $1 }
        }
      }
    }
    return keys
  }

  private func visit(
    _ place: KeyTreeCover.Place, _ key: UnsafeRawBufferPointer, _ wanted: ArraySlice<Int>,
    of slots: [UInt32], path: UnsafeMutableRawBufferPointer, _ body: (Int, SealingKey) -> Void
  ) throws {
    guard place.height > 0 else {
      let secret = SecretBytes(copying: key)
      for index in wanted {
        body(index, try SealingKey(id: Self.keyID, secret: secret, random: random))
      }
      return
    }
    let height = place.height - 1
    let middle = UInt64(place.start) + UInt64(1) << UInt64(height)
    let left = wanted.prefix { UInt64(slots[$0]) < middle }
    let room = Int(height) * Self.nodeByteCount
    let child = UnsafeMutableRawBufferPointer(rebasing: path[room..<room + Self.nodeByteCount])
    for side in [KeyTreeStep.Side.left, .right] {
      let below = side == .left ? left : wanted.dropFirst(left.count)
      guard !below.isEmpty else { continue }
      try step.derive(side, of: key, into: child)
      let start = side == .left ? place.start : UInt32(middle)
      try visit(
        KeyTreeCover.Place(start: start, height: height), UnsafeRawBufferPointer(child), below,
        of: slots, path: path, body)
    }
  }

  /// A node not more than a page above `slot`.
  private func node(above slot: UInt32) throws -> Node? {
    let page = slot >> UInt32(Self.pageHeight)
    return try state.withLock { state in
      if let node = state.recent[page] { return node }
      if let node = state.older[page] {
        Self.keep(node, as: page, in: &state)
        return node
      }
      guard let index = state.cover.index(above: slot) else { return nil }
      let place = state.cover.places[index]
      guard place.height > Self.pageHeight else {
        return state.cover.withKey(index) { Node(place: place, key: SecretBytes(copying: $0)) }
      }
      let key = try state.cover.withKey(index) { try pageKey(page, below: place, $0) }
      let node = Node(
        place: KeyTreeCover.Place(start: page << UInt32(Self.pageHeight), height: Self.pageHeight),
        key: key)
      Self.keep(node, as: page, in: &state)
      return node
    }
  }

  private func pageKey(
    _ page: UInt32, below place: KeyTreeCover.Place, _ key: UnsafeRawBufferPointer
  ) throws -> SecretBytes {
    var node = SecretBytes(copying: key)
    for height in (Self.pageHeight..<place.height).reversed() {
      let bit = page >> UInt32(height - Self.pageHeight) & 1
      node = try SecretBytes(byteCount: Self.nodeByteCount) { child in
        try node.withUnsafeBytes { try step.derive(bit == 0 ? .left : .right, of: $0, into: child) }
      }
    }
    return node
  }

  private static func keep(_ node: Node, as page: UInt32, in state: inout State) {
    state.recent[page] = node
    guard state.recent.count > pageCountMax else { return }
    state.older = state.recent
    state.recent = [:]
  }
}
