/// The place and width of one tile or entry bundle, and its path below a log's address (C2SP
/// tlog-tiles). A tile is 256 consecutive hashes of one level out of eight; the last one of a level
/// may be narrower.
public struct TileCoordinate: Hashable, Sendable {
  /// How many hashes or entries a full tile or bundle has.
  public static let fullWidth = 256
  /// How many levels of the tree one level of tiles spans.
  public static let height = 8
  /// The highest level that a path may name.
  public static let levelMax = 63

  /// What the file holds.
  public enum Content: Hashable, Sendable {
    /// Hashes of tree level 8 times this one.
    case hashes(level: Int)
    /// The entries themselves.
    case entries
  }

  /// What the file holds.
  public let content: Content
  /// Its place in its level, from 0.
  public let index: UInt64
  /// How many hashes or entries it has, in 1...256.
  public let width: Int

  /// A tile or bundle.
  ///
  /// - Throws: `malformed` for a level or a width that there is not.
  public init(
    _ content: Content, index: UInt64, width: Int = fullWidth
  ) throws(TransparencyLogError) {
    if case .hashes(let level) = content, !(0...Self.levelMax).contains(level) {
      throw .malformed("a tile of level \(level), which is not in 0...\(Self.levelMax)")
    }
    guard (1...Self.fullWidth).contains(width) else {
      throw .malformed("a tile of width \(width), which is not in 1...\(Self.fullWidth)")
    }
    guard index <= TreeShape.leafCountMax / UInt64(Self.fullWidth) else {
      throw .malformed("a tile of number \(index), which no tree has")
    }
    self.content = content
    self.index = index
    self.width = width
  }

  /// Every tile of a tree of `treeSize`, level by level, and the bundles of its entries.
  ///
  /// - Parameter content: which level, or the entries.
  public static func all(
    _ content: Content, treeSize: UInt64
  ) throws(TransparencyLogError) -> [TileCoordinate] {
    let count = hashCount(content, treeSize: treeSize)
    var tiles: [TileCoordinate] = []
    for index in 0..<count / UInt64(fullWidth) {
      tiles.append(try TileCoordinate(content, index: index))
    }
    let rest = Int(count % UInt64(fullWidth))
    if rest > 0 {
      tiles.append(
        try TileCoordinate(content, index: count / UInt64(fullWidth), width: rest))
    }
    return tiles
  }

  /// How many levels of tiles a tree of `treeSize` has.
  public static func levelCount(treeSize: UInt64) -> Int {
    var level = 0
    while hashCount(.hashes(level: level), treeSize: treeSize) > 0 { level += 1 }
    return level
  }

  /// How many hashes or entries that kind of tile has in all: floor(treeSize / 256^level).
  public static func hashCount(_ content: Content, treeSize: UInt64) -> UInt64 {
    guard case .hashes(let level) = content else { return treeSize }
    return level >= 8 ? 0 : treeSize >> UInt64(height * level)
  }

  // MARK: - Paths

  /// The path below the log's address: `tile/0/x001/234`, `tile/entries/000.p/17`.
  public var path: String {
    let level =
      switch content {
      case .hashes(let level): String(level)
      case .entries: "entries"
      }
    var groups: [String] = []
    var rest = index
    repeat {
      let digits = String(rest % 1_000)
      let padded = String(repeating: "0", count: 3 - digits.count) + digits
      groups.append(groups.isEmpty ? padded : "x" + padded)
      rest /= 1_000
    } while rest > 0
    let suffix = width == Self.fullWidth ? "" : ".p/\(width)"
    return "tile/\(level)/" + groups.reversed().joined(separator: "/") + suffix
  }

  /// Reads a path as `path` writes it.
  ///
  /// - Throws: `malformed` for any other text, also for one with zeros more than needed.
  public init(path: String) throws(TransparencyLogError) {
    let failure = TransparencyLogError.malformed("the path of a tile")
    var parts = path.split(separator: "/", omittingEmptySubsequences: false)[...]
    guard path.utf8.count <= 64, parts.popFirst() == "tile", let level = parts.popFirst() else {
      throw failure
    }
    var width = Self.fullWidth
    if let last = parts.last, parts.count >= 2, parts.dropLast().last?.hasSuffix(".p") == true {
      guard let number = Self.decimal(last), (1..<Self.fullWidth).contains(number) else {
        throw failure
      }
      width = number
      parts.removeLast()
      parts[parts.endIndex - 1] = parts[parts.endIndex - 1].dropLast(2)
    }
    var index: UInt64 = 0
    guard (1...7).contains(parts.count) else { throw failure }
    for (position, part) in parts.enumerated() {
      var digits = part
      if position < parts.count - 1 {
        guard digits.popFirst() == "x" else { throw failure }
      }
      guard digits.utf8.count == 3, digits.utf8.allSatisfy(Self.isDigit), let group = UInt64(digits)
      else { throw failure }
      // A first group of zeros says nothing.
      if position == 0, parts.count > 1, group == 0 { throw failure }
      index = index * 1_000 + group
      guard index <= TreeShape.leafCountMax / 1_000 else { throw failure }
    }
    if level == "entries" {
      try self.init(.entries, index: index, width: width)
    } else {
      guard let number = Self.decimal(level) else { throw failure }
      try self.init(.hashes(level: number), index: index, width: width)
    }
    guard self.path == path else { throw failure }
  }

  private static func isDigit(_ character: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character)
  }

  private static func decimal(_ text: Substring) -> Int? {
    guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy(isDigit) else { return nil }
    return Int(text)
  }
}
