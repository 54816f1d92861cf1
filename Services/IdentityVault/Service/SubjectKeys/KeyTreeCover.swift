package import Cryptography
package import PrivacyCore

/// The secret of the key tree: the fewest nodes from which the keys of exactly those slots follow
/// that were not destroyed. It is the puncturable state of a tree of Goldreich, Goldwasser and
/// Micali (Boneh and Waters 2013; Kiayias et al. 2013; Boyle, Goldwasser and Ivan 2014): to destroy
/// a slot, the node above it gives way to the nodes beside the path down to it, at most 32.
///
/// A value that never changes; its memory is zeroed with it. 37 bytes a node.
package final class KeyTreeCover: Sendable {
  /// The levels below the root.
  package static let depth = 32
  /// How many slots there are.
  package static let slotCount = UInt64(1) << 32
  private static let keyByteCount = KeyTreeStep.nodeByteCount

  /// A node: the first slot below it, and how many levels lie between it and its slots.
  package struct Place: Hashable, Sendable {
    package let start: UInt32
    package let height: UInt8

    package init(start: UInt32, height: UInt8) {
      self.start = start
      self.height = height
    }

    /// The first slot behind it.
    package var end: UInt64 { UInt64(start) + UInt64(1) << UInt64(height) }

    /// Whether there is such a node.
    var isSound: Bool {
      height <= KeyTreeCover.depth
        && UInt64(start) & (UInt64(1) << UInt64(height) - 1) == 0
    }
  }

  /// The nodes, in the order of their slots.
  package let places: [Place]
  private let keys: SecretBytes

  private init(places: [Place], keys: consuming SecretBytes) {
    self.places = places
    self.keys = keys
  }

  /// The cover of a new tree: its root.
  package convenience init(random: any RandomSource) {
    self.init(
      places: [Place(start: 0, height: UInt8(Self.depth))],
      keys: SecretBytes(random: random, count: Self.keyByteCount))
  }

  /// The cover of these nodes; `nil` where they are out of order, overlap or are none of the tree.
  ///
  /// - Parameter keys: 32 bytes for each place.
  package convenience init?(places: [Place], keys: UnsafeRawBufferPointer) {
    guard keys.count == places.count * Self.keyByteCount, places.allSatisfy(\.isSound) else {
      return nil
    }
    for (one, next) in zip(places, places.dropFirst()) where one.end > UInt64(next.start) {
      return nil
    }
    self.init(places: places, keys: SecretBytes(copying: keys))
  }

  /// Whether no slot was ever destroyed.
  package var isWhole: Bool { places == [Place(start: 0, height: UInt8(Self.depth))] }

  /// The number of the node above `slot`; `nil` where the slot was destroyed. A binary search.
  package func index(above slot: UInt32) -> Int? {
    var (low, high) = (0, places.count)
    while low < high {
      let middle = (low + high) / 2
      if places[middle].start <= slot { low = middle + 1 } else { high = middle }
    }
    guard low > 0, UInt64(slot) < places[low - 1].end else { return nil }
    return low - 1
  }

  /// Lends the key of a node.
  package func withKey<Result: ~Copyable>(
    _ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try keys.withUnsafeBytes { keys in
      try body(
        UnsafeRawBufferPointer(
          rebasing: keys[index * Self.keyByteCount..<(index + 1) * Self.keyByteCount]))
    }
  }

  /// Calls `body` with each range of destroyed slots below `limit`, ascending.
  package func forEachGap(
    below limit: UInt64, _ body: (Range<UInt64>) throws -> Void
  ) rethrows {
    var next: UInt64 = 0
    for place in places {
      let start = min(UInt64(place.start), limit)
      if next < start { try body(next..<start) }
      next = place.end
      if next >= limit { return }
    }
    if next < limit { try body(next..<limit) }
  }

  // MARK: - Destroying

  /// The cover without `slots`, which ascend; those that were destroyed before may be among them.
  /// Costs a copy of the cover and up to 64 steps a slot. This one still gives them: let go of it.
  package func destroying(_ slots: [UInt32], _ step: KeyTreeStep) throws -> KeyTreeCover {
    var build = Build(step: step)
    build.places.reserveCapacity(places.count + slots.count * Self.depth)
    let room = (places.count + slots.count * Self.depth) * Self.keyByteCount
    let spacious = try SecretBytes(byteCount: room) { output in
      var rest = slots[...]
      for (index, place) in places.enumerated() {
        rest = rest.drop { $0 < place.start }
        let inside = rest.prefix { UInt64($0) < place.end }
        rest = rest.dropFirst(inside.count)
        try withKey(index) { try build.add(place, $0, without: inside, to: output) }
      }
    }
    let byteCount = build.places.count * Self.keyByteCount
    return KeyTreeCover(
      places: build.places,
      keys: spacious.withUnsafeBytes {
        SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[..<byteCount]))
      })
  }

  /// The nodes of a cover on its way.
  private struct Build {
    let step: KeyTreeStep
    var places: [Place] = []

    /// Adds what is left of a node without `slots`.
    mutating func add(
      _ place: Place, _ key: UnsafeRawBufferPointer, without slots: ArraySlice<UInt32>,
      to output: UnsafeMutableRawBufferPointer
    ) throws {
      guard let first = slots.first else {
        let start = places.count * KeyTreeCover.keyByteCount
        UnsafeMutableRawBufferPointer(
          rebasing: output[start..<start + KeyTreeCover.keyByteCount]
        ).copyMemory(from: key)
        places.append(place)
        return
      }
      guard place.height > 0 else { return }
      let height = place.height - 1
      let middle = UInt64(place.start) + UInt64(1) << UInt64(height)
      let left = UInt64(first) < middle ? slots.prefix { UInt64($0) < middle } : slots.prefix(0)
      for side in [KeyTreeStep.Side.left, .right] {
        let start = side == .left ? place.start : UInt32(middle)
        let below = side == .left ? left : slots.dropFirst(left.count)
        let child = try SecretBytes(byteCount: KeyTreeCover.keyByteCount) { child in
          try step.derive(side, of: key, into: child)
        }
        try child.withUnsafeBytes {
          try add(Place(start: start, height: height), $0, without: below, to: output)
        }
      }
    }
  }
}
