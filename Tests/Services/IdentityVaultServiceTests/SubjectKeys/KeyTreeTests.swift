internal import Cryptography
internal import Foundation
internal import IdentityVaultService
internal import PrivacyCore
internal import Testing

@Suite("The key tree")
struct KeyTreeTests {
  private struct Vectors: Decodable {
    struct Slot: Decodable {
      let slot: UInt32
      let key: String
    }
    struct Node: Decodable {
      let start: UInt32
      let height: UInt8
      let key: String
    }
    struct Cover: Decodable {
      let destroyed: [UInt32]
      let nodes: [Node]
    }
    let root: String
    let slots: [Slot]
    let covers: [Cover]
  }

  private static let step = KeyTreeStep()

  private static func vectors() throws -> Vectors {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../Vectors/key-tree/key-tree.json")
    return try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
  }

  private static func root(_ hexadecimal: String) throws -> KeyTreeCover {
    let key = try #require(Hexadecimal.decode(hexadecimal))
    return try #require(
      key.withUnsafeBytes {
        KeyTreeCover(places: [KeyTreeCover.Place(start: 0, height: 32)], keys: $0)
      })
  }

  private static func key(_ cover: KeyTreeCover, _ index: Int) -> String {
    cover.withKey(index) { Hexadecimal.encode(Array($0)) }
  }

  @Test("slots have the keys that an independent program gives them")
  func slotVectors() throws {
    let vectors = try Self.vectors()
    let tree = KeyTree(try Self.root(vectors.root), random: SystemRandom())
    // Twice: the second time from the nodes that are kept.
    for _ in 0..<2 {
      let keys = try tree.keys(of: vectors.slots.map(\.slot))
      for (slot, key) in zip(vectors.slots, keys) {
        let secret = SecretBytes(copying: try #require(Hexadecimal.decode(slot.key)))
        let expected = try SealingKey(id: KeyID(rawValue: 1), secret: secret)
        let opened = try #require(key).open(try expected.seal([1, 2, 3]))
        #expect(opened == [1, 2, 3], "slot \(slot.slot)")
      }
    }
  }

  @Test("covers are those that an independent program finds, node by node")
  func coverVectors() throws {
    let vectors = try Self.vectors()
    for vector in vectors.covers {
      let cover = try Self.root(vectors.root).destroying(vector.destroyed, Self.step)
      #expect(
        cover.places == vector.nodes.map { KeyTreeCover.Place(start: $0.start, height: $0.height) })
      #expect(cover.places.indices.map { Self.key(cover, $0) } == vector.nodes.map(\.key))
      #expect(cover.isWhole == vector.destroyed.isEmpty)
    }
  }

  @Test("whatever is destroyed in whatever order, the others keep their keys", arguments: 1...12)
  func anyOrder(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    // Slots near each other, and some far off.
    let slots =
      (0..<200).map { _ in UInt32.random(in: 0..<512, using: &random) }
      + (0..<20).map { _ in UInt32.random(in: 0...UInt32.max, using: &random) }
    let whole = KeyTreeCover(random: SystemRandom())
    let before = KeyTree(whole, random: SystemRandom())
    let tree = KeyTree(whole, random: SystemRandom())
    var destroyed: Set<UInt32> = []
    var rest = slots.shuffled(using: &random)[...]
    while !rest.isEmpty {
      let some = rest.prefix(Int.random(in: 1...30, using: &random))
      rest = rest.dropFirst(some.count)
      let now = Set(some).sorted()
      destroyed.formUnion(now)
      // Keeps nodes from before.
      _ = try tree.keys(of: slots)
      let cover = try tree.cover.destroying(now, Self.step)
      tree.replace(by: cover, without: now)
      #expect(cover.places == Self.places(without: destroyed.sorted()))

      let asked = Array(0..<512) + slots
      for ((slot, key), old) in zip(
        zip(asked, try tree.keys(of: asked)), try before.keys(of: asked))
      {
        #expect((key == nil) == destroyed.contains(slot))
        #expect((cover.index(above: slot) == nil) == destroyed.contains(slot))
        guard let key, let old else { continue }
        #expect(try key.open(try old.seal([7])) == [7])
      }
    }
    var gaps: Set<UInt32> = []
    tree.cover.forEachGap(below: KeyTreeCover.slotCount) { gap in
      for slot in gap { gaps.insert(UInt32(slot)) }
    }
    #expect(gaps == destroyed)
    var low: Set<UInt32> = []
    tree.cover.forEachGap(below: 100) { gap in for slot in gap { low.insert(UInt32(slot)) } }
    #expect(low == destroyed.filter { $0 < 100 })
  }

  /// The fewest nodes without these slots: cut the range at each, and take the largest nodes.
  private static func places(without slots: [UInt32]) -> [KeyTreeCover.Place] {
    var places: [KeyTreeCover.Place] = []
    var next: UInt64 = 0
    for end in slots.map(UInt64.init) + [KeyTreeCover.slotCount] {
      while next < end {
        var height: UInt8 = 0
        while height < 32, next % (UInt64(2) << UInt64(height)) == 0,
          next + UInt64(2) << UInt64(height) <= end
        { height += 1 }
        places.append(KeyTreeCover.Place(start: UInt32(next), height: height))
        next += UInt64(1) << UInt64(height)
      }
      next = end + 1
    }
    return places
  }

  @Test("the first and the last slot can be destroyed, and again")
  func ends() throws {
    let whole = KeyTreeCover(random: SystemRandom())
    let cover = try whole.destroying([0, .max], Self.step)
    #expect(cover.places.count == 62)
    #expect(cover.index(above: 0) == nil)
    #expect(cover.index(above: .max) == nil)
    #expect(cover.index(above: 1) != nil)
    #expect(try cover.destroying([0, .max], Self.step).places == cover.places)
  }

  @Test("nodes that are out of order, overlap, or are none of the tree make no cover")
  func malformed() {
    func cover(_ nodes: (UInt32, UInt8)...) -> KeyTreeCover? {
      let places = nodes.map { KeyTreeCover.Place(start: $0.0, height: $0.1) }
      return [UInt8](repeating: 1, count: 32 * nodes.count).withUnsafeBytes {
        KeyTreeCover(places: places, keys: $0)
      }
    }
    #expect(cover((0, 31), (0x8000_0000, 31)) != nil)
    #expect(cover((0x8000_0000, 31), (0, 31)) == nil)
    #expect(cover((0, 32), (0x8000_0000, 31)) == nil)
    #expect(cover((1, 1)) == nil)
    #expect(cover((0, 33)) == nil)
    #expect(cover((UInt32.max, 0)) != nil)
    let short = [UInt8](repeating: 1, count: 31).withUnsafeBytes {
      KeyTreeCover(places: [KeyTreeCover.Place(start: 0, height: 32)], keys: $0)
    }
    #expect(short == nil)
  }

  @Test("no more nodes are kept than two generations")
  func boundedPages() throws {
    let tree = KeyTree(KeyTreeCover(random: SystemRandom()), random: SystemRandom())
    let most = UInt32(KeyTree.pageCountMax)
    _ = try tree.keys(of: (0..<most).map { $0 << 10 })
    #expect(tree.pageCount == KeyTree.pageCountMax)
    _ = try tree.keys(of: (most..<3 * most + 2).map { $0 << 10 })
    #expect(tree.pageCount <= 2 * KeyTree.pageCountMax + 1)
  }
}
